"""Hundreds of worlds with failures, cancels and deaths: their traces are whole, and say what journal and API say."""

from dataclasses import replace

import pytest
from anyio.lowlevel import checkpoint

from rao_runtime.adapters.entry_point_tools import EntryPointTools
from rao_runtime.core.events import EventType
from rao_runtime.core.ids import attempt_span_id, trace_id
from rao_runtime.tools import tool
from tests.sim.directed import PLENTY, Parts, root, scene
from tests.sim.explore import run_seed
from tests.sim.faults import Kill
from tests.sim.onlooking import SpanCollector
from tests.sim.play import gather
from tests.sim.world import Setup, World, always

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PARTS: Parts = {"root": [gather("a", "b") + "\nfinish(sum(rs))"], "a": ["x = 1", "finish(x)"]}


@pytest.mark.parametrize("seed", range(60))
def test_every_trace_is_whole_in_the_world_of_this_seed(seed: int) -> None:
    run_seed(seed, onlooker=SpanCollector(content=seed % 2 == 1))


@pytest.mark.parametrize("seed", range(2_000, 2_080))
def test_every_trace_is_whole_though_processes_die_with_spans_in_their_queues(seed: int) -> None:
    run_seed(seed, deaths=True, onlooker=SpanCollector())


@pytest.mark.parametrize("seed", range(4_000, 4_030))
def test_every_trace_is_whole_though_one_attempt_in_ten_fails(seed: int) -> None:
    run_seed(seed, deaths=seed % 2 == 1, failing=True, onlooker=SpanCollector())


@pytest.mark.parametrize("seed", range(7_000, 7_020))
def test_every_trace_is_whole_and_costs_what_its_tree_does_where_time_is_priced(seed: int) -> None:
    run_seed(seed, deaths=True, gpu_price=True, onlooker=SpanCollector())


@pytest.mark.parametrize("gently", [False, True], ids=["killed", "stopped"])
@pytest.mark.parametrize("written", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("append", range(2, 20))
def test_a_trace_is_whole_wherever_its_process_ended(append: int, written: bool, gently: bool) -> None:
    collector = SpanCollector()

    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.settle()
        assert await collector.problems(world, tree_id) == []

    kills = {(0, append): Kill(append, written=written, gently=gently)}
    scene(PARTS, act, Setup(kills=kills, observers=collector.observers, sampled=always))


@pytest.mark.parametrize("append", range(2, 14))
def test_a_trace_has_the_calls_of_tools_wherever_its_process_ended(append: int) -> None:
    collector = SpanCollector()

    @tool(effects="outside")
    async def weigh(item: str) -> int:
        """What an item weighs."""
        await checkpoint()
        return len(item)

    async def act(world: World) -> None:
        tree_id = await world.submit(replace(root(), tools=("weigh",)))
        await world.settle()
        assert await collector.problems(world, tree_id) == []

    parts = {"root": ["n = await weigh('ab')", "finish(await weigh(item='abc') + n)"]}
    setup = Setup(
        toolbox=EntryPointTools([weigh]),
        kills={(0, append): Kill(append, written=append % 2 == 0)},
        observers=collector.observers,
        sampled=always,
    )
    scene(parts, act, setup)


@pytest.mark.parametrize("canceled", [False, True], ids=["deadline", "canceled"])
def test_a_tree_that_ends_before_it_has_a_node_has_a_trace_that_says_why(canceled: bool) -> None:
    collector = SpanCollector()

    async def act(world: World) -> None:
        world.models[0].up = False
        tree_id = await world.submit(root(replace(PLENTY, deadline_s=20.0)))
        if canceled:
            await world.runtime.cancel(tree_id)
        await world.settle()
        (created,) = await world.events(tree_id, EventType.TREE_CREATED)
        (span,) = collector.spans(created.data["trace_id"], world.clock.now())
        assert span.error == ("canceled" if canceled else "deadline")
        assert await collector.problems(world, tree_id) == []

    scene(PARTS, act, Setup(observers=collector.observers, sampled=always))


@pytest.mark.parametrize("caller", [None, CALLER])
def test_a_replica_is_told_of_the_span_of_each_attempt(caller: str | None) -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(replace(root(), traceparent=caller))
        await world.settle()
        asked = [attempt.request for attempt in world.models[0].ledger]
        trace = trace_id(tree_id, caller)
        assert [each.traceparent for each in asked] == [
            f"00-{trace}-{attempt_span_id(each.request_id)}-01" for each in asked
        ]

    scene(PARTS, act, Setup(sampled=always))


@pytest.mark.parametrize("caller", [None, CALLER])
def test_a_replica_is_told_what_the_caller_said_of_a_tree_that_is_not_sampled(caller: str | None) -> None:
    collector = SpanCollector()

    async def act(world: World) -> None:
        tree_id = await world.submit(replace(root(), traceparent=caller))
        await world.settle()
        assert {attempt.request.traceparent for attempt in world.models[0].ledger} == {caller}
        (created,) = await world.events(tree_id, EventType.TREE_CREATED)
        assert created.data["sampled"] is False
        assert collector.spans(created.data["trace_id"], world.clock.now()) == []

    scene(PARTS, act, Setup(observers=collector.observers))


def test_what_is_sampled_is_asked_once_a_tree_with_its_trace_and_what_the_caller_said() -> None:
    asked = list[tuple[str, str | None]]()

    def sampled(trace: str, traceparent: str | None) -> bool:
        asked.append((trace, traceparent))
        return False

    async def act(world: World) -> None:
        await world.solve(replace(root(), traceparent=CALLER))

    scene(PARTS, act, Setup(sampled=sampled))
    assert asked == [(CALLER.split("-")[1], CALLER)]


def test_a_split_is_journaled_with_what_it_set_aside_and_what_was_left() -> None:
    async def act(world: World) -> None:
        tree = await world.solve(root())
        (split,) = await world.events(tree["tree_id"], EventType.NODE_SPLIT)
        first = [
            event.data["reserve"]
            for event in await world.events(tree["tree_id"], EventType.CALL_STARTED)
            if event.parent_id is not None and event.turn == 0
        ]
        assert split.data["reserves"] == first
        assert split.data["remaining"]["nodes"] == root().limits.max_nodes - 3

    scene(PARTS, act)
