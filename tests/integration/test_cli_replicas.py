"""`rao serve --replicas N -- FLAGS`: the command line reaches the replicas, and they end with the server."""

import json
import shlex
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager

import httpx
import pytest

from tests.integration import vllm_program
from tests.integration.cli_program import Program, rao, running
from tests.integration.local_logs import processes_of, wait_until_gone

COMMAND = f"vllm_command={shlex.join([sys.executable, vllm_program.__file__])}"
FLAGS = ("--", "--max-model-len", "4096", "--no-enable-prompt-tokens-details")
REDIS = {"RAO_REDIS_URL": "redis://127.0.0.1:1"}


@contextmanager
def serving_locally(replicas: int) -> Generator[Program]:
    words = ["--port", "0", "--model", "some-model", "--replicas", str(replicas), "--set", COMMAND, *FLAGS]
    with running("serve", *words) as program:
        yield program


def logged(program: Program, text: str) -> str:
    """The next message of its log that holds this. Raises AssertionError where it ends without one."""
    for line in program.errors:
        message = json.loads(line)["message"]
        if text in message:
            return message
    raise AssertionError(f"nothing logged with {text!r}")


def test_a_task_is_solved_by_a_replica_started_with_these_flags_and_both_end_with_the_server() -> None:
    with serving_locally(1) as program:
        url = program.line_with("is serving at").split()[-1]
        flags = logged(program, "replica-0: flags")
        processes = processes_of(logged(program, "replica-0: processes"))
        tree = httpx.post(f"{url}/solve", json={"goal": "Count the lines.", "context": "a\nb\n"}, timeout=60).json()
        assert program.stop() == 0
    assert "--max-model-len 4096 --no-enable-prompt-tokens-details" in flags
    assert " --enable-prompt-tokens-details" not in flags
    assert (tree["status"], tree["model"]) == ("completed", "some-model")
    for each in processes:
        wait_until_gone(each)


def test_a_server_that_is_killed_takes_its_replicas_and_their_engines_along() -> None:
    with serving_locally(2) as program:
        program.line_with("is serving at")
        processes = [*processes_of(logged(program, "processes")), *processes_of(logged(program, "processes"))]
        program.process.send_signal(signal.SIGKILL)
        for each in processes:
            wait_until_gone(each)


def test_a_program_that_is_not_there_is_one_clear_line() -> None:
    ended = rao("serve", "--port", "0", "--model", "m", "--replicas", "1", "--set", "vllm_command=no-such-vllm serve")
    assert ended.returncode == 1
    assert ended.stdout == ""
    (line,) = [line for line in ended.stderr.splitlines() if not line.startswith('{"ts"')]
    assert line.startswith("Error: no local replicas: there is no program 'no-such-vllm' here.")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["serve", "--replicas", "2"], "local_replicas (command line): needs model"),
        (["serve", "--", "--max-model-len", "4096"], "say how many with --replicas N"),
        (["serve", "some-model"], "'some-model' is not expected here"),
        (["serve", "-m", "m", "--replicas", "1", "--", "--port=1"], "--port is chosen for each replica"),
        (["worker", "--replicas", "2"], "local_replicas (command line): needs model"),
        (["worker", "--", "--max-model-len", "4096"], "say how many with --replicas N"),
    ],
)
def test_what_makes_no_sense_is_explained(words: list[str], said: str) -> None:
    ended = rao(*words, **REDIS)
    assert ended.returncode == 2
    assert said in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr
