"""Two real vLLMs behind one server: where calls go, what they find cached, and what is billed for them."""

import asyncio
import random
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import pytest

from rao_runtime.config.built_in import RAO_NANO
from rao_runtime.core.usage import Tokens
from tests.contract.processes import program
from tests.vllm.counters import Counters, Metrics
from tests.vllm.gateway import Gateway
from tests.vllm.replica import VllmProcess
from training.goals import Kind
from training.tasks import Exercise, draw_exercise

LINES = 360
REPLICAS = 2
PREDICTED_WITHIN = 0.05
OUT_S = 20.0
UP_S = 60.0


@dataclass(frozen=True, slots=True)
class World:
    """The server, and the counters of each replica."""

    gateway: Gateway
    replicas: list[Metrics]

    async def counters(self) -> list[Counters]:
        """Of each replica, once it does nothing."""
        return [await each.until() for each in self.replicas]


@pytest.fixture(scope="module")
def processes(
    vllm_python: str, nano_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> Generator[list[VllmProcess]]:
    folder = tmp_path_factory.mktemp("two")
    started = [
        VllmProcess(vllm_python, nano_weights, [RAO_NANO.model], folder / f"vllm-{n}.log", weights="auto", slots=16)
        for n in range(REPLICAS)
    ]
    try:
        with ThreadPoolExecutor() as threads:
            list(threads.map(VllmProcess.start, started))
        yield started
    finally:
        for process in started:
            process.kill()


@pytest.fixture
async def world(processes: list[VllmProcess], tmp_path: Path) -> AsyncGenerator[World]:
    settings = {
        "RAO_REPLICAS": ",".join(process.url for process in processes),
        "RAO_REPLICA_SLOTS": "16",
        "RAO_PORT": "0",
        "RAO_DATA_DIR": str(tmp_path),
    }
    with ExitStack() as stack:
        _, url = stack.enter_context(program("server", **settings))
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            looks = [httpx.AsyncClient(base_url=process.url, timeout=30) for process in processes]
            await http.get("/replicas")
            yield World(Gateway(http), [Metrics(look) for look in looks])
            for look in looks:
                await look.aclose()


def exercise(seed: str) -> Exercise:
    return draw_exercise(random.Random(seed), Kind.COUNT, LINES, held_out=True)


async def all_up(world: World) -> None:
    """Wait until every replica is ready. Raises AssertionError with what they are instead."""
    replicas = list[dict[str, Any]]()
    try:
        async with asyncio.timeout(UP_S):
            while not replicas or any(replica["state"] != "ready" for replica in replicas):
                replicas = await shown(world)
    except TimeoutError:
        states = [(replica["state"], replica["why"]) for replica in replicas]
        raise AssertionError(f"not all replicas are ready after {UP_S:g} s: {states}") from None


async def shown(world: World) -> list[dict[str, Any]]:
    answer = await world.gateway.http.get("/replicas")
    return answer.json()["data"]


def sum_of(after: list[Counters], before: list[Counters]) -> Tokens:
    each = [now.since(then) for now, then in zip(after, before, strict=True)]
    return Tokens(
        input=sum(tokens.input for tokens in each),
        cached=sum(tokens.cached for tokens in each),
        output=sum(tokens.output for tokens in each),
    )


async def test_both_replicas_work_find_prefixes_cached_as_expected_and_bill_what_they_count(world: World) -> None:
    await all_up(world)
    before = await world.counters()
    task = exercise("first")
    tree_id = await world.gateway.begin(RAO_NANO.model, task.goal, context=task.context)
    tree = await world.gateway.end(tree_id)
    after = await world.counters()
    assert tree["status"] == "completed", tree
    usage, counted = tree["usage"], sum_of(after, before)
    told = Tokens(input=usage["input_tokens"], cached=usage["cached_tokens"], output=usage["output_tokens"])
    assert told == counted
    assert min(now.ended - then.ended for now, then in zip(after, before, strict=True)) > 10
    events = await world.gateway.events(tree_id)
    expected = sum(each.data["data"]["expected_cached_tokens"] for each in events if each.event == "call.started")
    print(f"cached {told.cached} of {told.input} ({told.cached / told.input:.0%}), expected {expected}")
    assert told.cached > 0.3 * told.input
    assert abs(expected - told.cached) <= PREDICTED_WITHIN * told.cached


async def test_a_replica_that_hangs_is_out_in_time_and_its_calls_are_answered_elsewhere(
    world: World, processes: list[VllmProcess]
) -> None:
    await all_up(world)
    task = exercise("second")
    processes[0].pause()
    try:
        begun = perf_counter()
        tree = await world.gateway.solve(RAO_NANO.model, task.goal, context=task.context)
        out_s = perf_counter() - begun
        first, _ = await shown(world)
    finally:
        processes[0].resume()
    print(f"solved in {out_s:.1f} s; the one that hangs is {first['state']}: {first['why']}")
    assert tree["status"] == "completed", tree
    assert first["state"] == "down"
    assert out_s < OUT_S + 20
    await all_up(world)


async def test_a_replica_that_is_drained_loses_no_call(world: World) -> None:
    await all_up(world)
    task = exercise("third")
    tree_id = await world.gateway.begin(RAO_NANO.model, task.goal, context=task.context)
    await world.gateway.written(tree_id, nodes=3)
    first, _ = await shown(world)
    answer = await world.gateway.http.delete(f"/replicas/{first['id']}")
    assert answer.status_code == 202
    tree = await world.gateway.end(tree_id)
    assert tree["status"] == "completed", tree
    assert tree["usage"]["wasted_tokens"] == 0
    assert len(await shown(world)) == REPLICAS - 1
