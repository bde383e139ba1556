"""The stand-in with a KV cache as a process of its own."""

import httpx
import pytest

from rao_runtime.cli.simulate import SimulateOptions
from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.main import main
from tests.integration.cli_program import rao, running

FLAGS = ["--kv-blocks", "64", "--block-size", "8", "--window", "512", "--prefill-tokens-per-s", "1e6"]
TIMES = ["--prefill-chunk-tokens", "64", "--time-scale", "0.5", "--keep-alive-s", "5", "--queue-limit", "3"]


def test_rao_simulate_has_a_flag_for_each_setting_of_the_cache() -> None:
    with running("simulate", "--port", "0", *FLAGS, *TIMES) as program:
        url = program.line_with("http").strip()
        asked = {"messages": [{"role": "user", "content": "Goal: count the words"}], "max_tokens": 30}
        told = [httpx.post(f"{url}/v1/chat/completions", json=asked).json()["usage"] for _ in range(2)]
        metrics = httpx.get(f"{url}/metrics").text
    assert told[0]["prompt_tokens_details"]["cached_tokens"] == 0
    assert told[1]["prompt_tokens_details"]["cached_tokens"] == (told[1]["prompt_tokens"] - 1) // 8 * 8 > 0
    assert 'block_size="8"' in metrics
    assert 'num_gpu_blocks="64"' in metrics


def test_a_cache_that_is_too_small_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    said = "kv_blocks: 64 blocks of 16 tokens do not hold a window of 32768"
    ended = rao("simulate", "--kv-blocks", "64")
    with pytest.raises(SystemExit):
        main(["--kv-blocks", "64"])
    assert ended.returncode == 2
    assert said in ended.stderr
    assert said in capsys.readouterr().err


def test_without_flags_rao_simulate_is_the_stand_in_as_it_always_was() -> None:
    assert SimulateOptions().config() == StandInConfig()
