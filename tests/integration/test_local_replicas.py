"""Replicas started here are kept running, are heard in the log, and leave nothing behind."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

import httpx
import pytest
from anyio.lowlevel import checkpoint

from rao_runtime.adapters.local_replicas import LocalReplicas, NoReplicaProgram
from rao_runtime.adapters.replica_place import LocalServing
from rao_runtime.adapters.replica_process import ReplicaLaunch, ReplicaProcess
from rao_runtime.core.restart import RestartPolicy
from tests.integration import vllm_program
from tests.integration.local_logs import listening, processes_of, wait_until_gone

VLLM = (sys.executable, vllm_program.__file__)
FLAGS = ("--max-model-len", "4096")
AT_ONCE = RestartPolicy(base_s=0.01, max_s=0.02)
DEAF = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('deaf', os.getpid(), flush=True)
signal.pause()
"""
POLITE = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('goodbye')))
print('here', flush=True)
signal.pause()
"""
LEAVER = """
import subprocess
left = subprocess.Popen(['sleep', '60'], start_new_session=True)
print('left', left.pid)
"""


def local(
    count: int, command: Sequence[str] = VLLM, *, model: str = "some-model", key: str | None = "sk-1", **variables: str
) -> LocalReplicas:
    serving = LocalServing(count=count, model=model, command=command, flags=FLAGS, api_key=key)
    return LocalReplicas(serving, environ={**os.environ, **variables}, policy=AT_ONCE)


def launch(program: str) -> ReplicaLaunch:
    return ReplicaLaunch(name="replica-0", command=[sys.executable, "-c", program], environment=os.environ)


async def served_at(url: str) -> list[str]:
    async with httpx.AsyncClient(timeout=30) as http:
        models = (await http.get(f"{url}/v1/models")).json()
    return [model["id"] for model in models["data"]]


async def test_each_answers_at_its_url_once_it_is_up() -> None:
    with listening() as heard:
        async with local(2) as replicas:
            first, second = replicas.urls
            assert first != second
            for _ in replicas.urls:
                up = await heard.message_with(": http://127.0.0.1:")
                assert await served_at(up.partition(": ")[2]) == ["some-model"]
                assert up in {f"replica-0: {first}", f"replica-1: {second}"}


async def test_they_get_the_operators_flags_and_the_pools_and_an_environment_without_our_settings() -> None:
    with listening() as heard:
        async with local(1, RAO_REDIS_URL="redis://:secret@host", CUDA_VISIBLE_DEVICES="4,5"):
            flags = await heard.message_with("replica-0: flags")
            environment = await heard.message_with("replica-0: environment")
    assert flags.endswith("--max-model-len 4096")
    assert "--scheduling-policy priority" in flags
    assert environment == "replica-0: environment CUDA_VISIBLE_DEVICES=4,5 VLLM_API_KEY=sk-1"


async def test_they_want_no_key_that_we_would_not_send() -> None:
    with listening() as heard:
        async with local(1, key=None, VLLM_API_KEY="somebody-elses"):
            assert "VLLM_API_KEY" not in await heard.message_with("replica-0: environment")


async def test_a_start_that_is_refused_is_told_and_tried_again() -> None:
    with listening() as heard:
        async with local(1, model="a\0b"):
            for _ in range(2):
                assert "it cannot be started (embedded null byte)" in await heard.message_with("replica-0 ended")


async def test_a_start_that_is_cancelled_leaves_nothing_open() -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    for steps in range(3):
        starting = asyncio.create_task(ReplicaProcess.start(launch("pass")))
        for _ in range(steps):
            await checkpoint()
        starting.cancel()
        await asyncio.wait([starting])
        assert starting.cancelled()
    async with asyncio.timeout(10):
        while sorted(os.listdir("/proc/self/fd")) != before:
            await checkpoint()


async def test_one_that_is_killed_is_started_again_at_the_same_url_and_its_engine_is_gone() -> None:
    with listening() as heard:
        async with local(1) as replicas:
            server, engine = processes_of(await heard.message_with("replica-0: processes"))
            await heard.message_with(f"replica-0: {replicas.urls[0]}")
            os.kill(server, signal.SIGKILL)
            assert "signal 9 (Killed)" in await heard.message_with("replica-0 ended")
            wait_until_gone(engine)
            again, _ = processes_of(await heard.message_with("replica-0: processes"))
            await heard.message_with(f"replica-0: {replicas.urls[0]}")
            assert await served_at(replicas.urls[0]) == ["some-model"]
            assert again != server


async def test_an_orderly_end_leaves_no_process_of_theirs_behind() -> None:
    with listening() as heard:
        async with local(1) as replicas:
            processes = processes_of(await heard.message_with("replica-0: processes"))
            await heard.message_with(f"replica-0: {replicas.urls[0]}")
    for each in processes:
        wait_until_gone(each)


async def test_one_that_is_told_to_stop_ends_by_itself_where_it_can() -> None:
    with listening() as heard:
        process = await ReplicaProcess.start(launch(POLITE))
        await heard.message_with("replica-0: here")
        await process.stop()
        assert process.last_words() == "here\ngoodbye"


async def test_one_that_does_not_heed_sigterm_is_killed() -> None:
    with listening() as heard:
        process = await ReplicaProcess.start(launch(DEAF))
        deaf = int((await heard.message_with("replica-0: deaf")).split()[-1])
        await process.stop(grace_s=0.05)
    wait_until_gone(deaf)


async def test_one_that_never_comes_up_is_tried_again_and_its_last_words_are_told_each_time() -> None:
    with listening() as heard:
        async with local(1, command=["sh", "-c", "echo no such weights >&2; exit 3"]):
            first = await heard.message_with("replica-0 ended")
            second = await heard.message_with("replica-0 ended")
    for message in (first, second):
        assert message.endswith("status 3; its last lines were:\nno such weights")
    assert "times in a row" not in first
    assert "2 times in a row" in second


async def test_a_program_that_is_not_there_is_told_at_once_with_what_to_do() -> None:
    with pytest.raises(NoReplicaProgram, match=r"no program 'no-such-vllm' here.*pip install vllm.*RAO_VLLM_COMMAND"):
        async with local(1, command=["no-such-vllm", "serve"]):
            pass


async def test_none_need_no_program() -> None:
    async with local(0, command=["no-such-vllm"]) as replicas:
        assert replicas.urls == ()


async def test_much_output_without_a_line_end_keeps_nobody_waiting() -> None:
    with listening() as heard:
        process = await ReplicaProcess.start(launch("print('x' * 10_000_000, end='')"))
        assert await process.ended() == 0
        assert len(await heard.message_with("replica-0: xxx")) < 5_000


async def test_output_of_a_process_that_left_the_group_does_not_hold_up_the_end() -> None:
    with listening() as heard:
        process = await ReplicaProcess.start(launch(LEAVER))
        assert await process.ended() == 0
        os.kill(int((await heard.message_with("replica-0: left")).split()[-1]), signal.SIGKILL)
