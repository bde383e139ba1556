"""What passes between the embedded model and its engine: files, bodies, chunks, turns."""

import asyncio
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.adapters.nano_body import body_of
from rao_runtime.adapters.nano_completion import Completion
from rao_runtime.adapters.nano_gguf import gguf_of
from rao_runtime.adapters.nano_turns import Turns
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.usage import Tokens
from rao_runtime.ports import Finished, ModelRequest, TextDelta
from tests.integration.nano_folders import HIDDEN, write

ASKED = ModelRequest(request_id="r", model="rao-nano", messages=(), max_tokens=9)


def written(request: ModelRequest) -> dict[str, Any]:
    return orjson.loads(body_of(request, [1, 2]))


def chunk(text: str, *, output: int, reason: str | None = None) -> bytes:
    timings = {"cache_n": 3, "prompt_n": 4, "predicted_n": output}
    return orjson.dumps({"choices": [{"text": text, "finish_reason": reason}], "timings": timings})


def told(output: int) -> Tokens:
    return Tokens(input=7, cached=3, output=output)


def test_vectors_are_widened_exactly(tmp_path: Path) -> None:
    weights = {"model.norm.weight": [[1.0, -2.5, 0.0, 3.0e38] * (HIDDEN // 4)]}
    narrow = gguf_of(write(tmp_path / "narrow", weights, window=8, dtype="BF16"))
    wide = gguf_of(write(tmp_path / "wide", weights, window=8))
    assert narrow[-4 * HIDDEN : -4 * HIDDEN + 12] == struct.pack("<3f", 1.0, -2.5, 0.0)
    assert narrow[: -4 * HIDDEN] == wide[: -4 * HIDDEN]


@pytest.mark.parametrize("dtype", ["BF16", "F32"])
def test_matrices_are_of_half_the_width_and_lose_nothing_that_bfloat16_holds(tmp_path: Path, dtype: str) -> None:
    row = [1.0, -1.9921875, 0.0, 2.0**-14] * (HIDDEN // 4)
    file = gguf_of(write(tmp_path, {"lm_head.weight": [row, row]}, window=8, dtype=dtype))
    assert struct.unpack(f"<{2 * HIDDEN}e", file[-4 * HIDDEN :]) == (*row, *row)


def test_a_file_names_tensors_as_the_engine_does_and_turns_their_shape_round(tmp_path: Path) -> None:
    columns = [[0.0] * HIDDEN for _ in range(3)]
    file = gguf_of(write(tmp_path, {"model.layers.1.mlp.up_proj.weight": columns}, window=8))
    name = b"blk.1.ffn_up.weight"
    info = struct.pack("<Q", len(name)) + name + struct.pack("<IQQIQ", 2, HIDDEN, 3, 1, 0)
    assert file[:8] == b"GGUF" + struct.pack("<I", 3)
    assert struct.unpack_from("<Q", file, 8) == (1,)
    assert info in file
    assert len(file) % 32 == 0
    assert struct.pack("<Q", 4) + b"lime" in file


@pytest.mark.parametrize(
    ("name", "error"), [("model.layers.0.self_attn.q_proj.bias.weight", KeyError), ("lm_tail.weight", ValueError)]
)
def test_a_tensor_that_no_qwen3_has_is_refused(tmp_path: Path, name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        gguf_of(write(tmp_path, {name: [[0.0] * HIDDEN]}, window=8))


def test_a_request_is_a_body_with_nothing_sampled_but_what_was_asked() -> None:
    assert written(replace(ASKED, temperature=0.5, seed=7)) == {
        "prompt": [1, 2],
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 1.0,
        "top_k": 0,
        "min_p": 0.0,
        "samplers": ["temperature"],
        "seed": 7,
        "stop": [],
        "stream": True,
        "timings_per_token": True,
    }
    assert written(replace(ASKED, top_p=0.9, options={"top_k": 5}))["samplers"] == ["temperature", "top_k", "top_p"]
    assert "seed" not in written(ASKED)


def test_options_cannot_change_what_the_request_says() -> None:
    body = written(replace(ASKED, options={"stream": False, "prompt": "x", "stop": ["y"], "repeat_penalty": 1.1}))
    assert (body["stream"], body["prompt"], body["stop"], body["repeat_penalty"]) == (True, [1, 2], [], 1.1)


@given(seed=st.integers(0, (1 << 64) - 1))
def test_no_seed_is_one_that_the_engine_takes_for_none(seed: int) -> None:
    assert 0 <= written(replace(ASKED, seed=seed))["seed"] < 0xFFFF_FFFF


def test_chunks_are_deltas_with_their_counts_and_then_an_end() -> None:
    completion = Completion(())
    assert completion.take(chunk("a", output=1)) == [TextDelta("a", told(1))]
    assert not completion.over
    assert completion.take(chunk("", output=2, reason="length")) == [Finished("length", told(2))]
    assert completion.over


def test_a_stop_string_ends_a_completion_at_the_chunk_that_completes_it() -> None:
    completion = Completion(("</p>",))
    assert completion.take(chunk("a</", output=1)) == [TextDelta("a", told(1))]
    assert completion.take(chunk("p", output=2)) == [TextDelta("", told(2))]
    assert completion.take(chunk(">b", output=3)) == [Finished("stop", told(3))]
    assert completion.over


def test_what_was_held_back_comes_before_an_end_that_is_no_stop_string() -> None:
    completion = Completion(("</p>",))
    assert completion.take(chunk("a</p", output=1)) == [TextDelta("a", told(1))]
    end = [TextDelta("</p", told(2)), Finished("length", told(2))]
    assert completion.take(chunk("", output=2, reason="length")) == end


@pytest.mark.parametrize(
    ("answer", "kind", "status"),
    [
        (b'{"error":{"code":400,"message":"no"}}', FailureKind.REJECTED, 400),
        (b'{"error":{"code":500,"message":"no"}}', FailureKind.SERVER, 500),
        (b'{"choices":[]}', FailureKind.BROKEN, None),
        (b"[]", FailureKind.BROKEN, None),
        (b"{", FailureKind.BROKEN, None),
    ],
)
def test_a_failure_of_the_engine_is_a_model_error(answer: bytes, kind: FailureKind, status: int | None) -> None:
    with pytest.raises(ModelError) as caught:
        Completion(()).take(answer)
    assert (caught.value.kind, caught.value.status) == (kind, status)


async def test_a_turn_that_is_cancelled_the_moment_it_comes_goes_to_the_next() -> None:
    turns = Turns(1)
    await turns.take(0)
    first, second = (asyncio.create_task(turns.take(0)) for _ in range(2))
    await asyncio.wait([first], timeout=0)
    turns.give()
    first.cancel()
    await second
    assert first.cancelled()


async def test_all_slots_are_free_again_once_they_are_given_back() -> None:
    turns = Turns(2)
    for _ in range(3):
        async with asyncio.TaskGroup() as tasks:
            for _ in range(2):
                tasks.create_task(turns.take(0))
        waiting = asyncio.create_task(turns.take(0))
        await asyncio.wait([waiting], timeout=0)
        assert not waiting.done()
        for _ in range(3):
            turns.give()
        await waiting
