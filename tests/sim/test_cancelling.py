"""Cancelling: whenever it comes, it takes the subtree, nothing else, and leaves nothing behind."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rao_runtime.adapters.scripted_model import Outcome, ScriptedModel
from rao_runtime.adapters.scripted_steps import Say, Step, Wait
from rao_runtime.core.errors import UnknownNode, UnknownTree
from rao_runtime.core.events import EventType
from tests.sim.clock import SimClock
from tests.sim.directed import PLENTY, root, scene
from tests.sim.loop import simulate
from tests.sim.play import gather, play
from tests.sim.world import Setup, World
from tests.sim.writing import written

SLOW: Sequence[Sequence[Step]] = [[Wait(100.0), Say(written("finish(1)"))]]


def test_a_cancelled_node_is_a_failed_to_its_parent_and_the_rest_goes_on() -> None:
    look = "finish([r.reason if isinstance(r, Failed) else r for r in rs])"
    parts = {"root": [f"{gather('a', 'b')}\n{look}"], "a": [gather("x", "y")], "x": SLOW, "y": SLOW, "b": SLOW}

    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        created = [await world.until(tree_id, EventType.NODE_CREATED, n) for n in (2, 5)]
        await world.runtime.cancel(tree_id, created[0].node_id)
        await world.settle()
        world.check()
        tree = await world.runtime.tree(tree_id, nodes=True)
        assert tree["answer"] == ["canceled", 1]
        assert tree["nodes"] == {"total": 5, "completed": 2, "failed": 0, "canceled": 3, "max_depth": 2}
        assert [a.outcome for a in world.models[0].ledger].count(Outcome.ABORTED) == 2

    scene(parts, act)


def test_a_cancelled_tree_ends_at_once_with_all_its_calls() -> None:
    parts = {"root": [gather("a", "b", "c")], "a": SLOW, "b": SLOW, "c": SLOW}

    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.CALL_STARTED, 4)
        await world.runtime.cancel(tree_id)
        await world.runtime.cancel(tree_id)
        tree = await world.runtime.wait(tree_id, timeout_s=1.0)
        assert tree is not None
        assert tree["status"] == "canceled"
        assert tree["error"]["reason"] == "canceled"
        assert world.models[0].in_flight == 0
        await world.settle()
        world.check()
        await world.runtime.cancel(tree_id)

    scene(parts, act)


def test_cancelled_attempts_are_booked_as_estimated_and_wasted() -> None:
    parts = {"root": [[Wait(1.0), Say("<thought>a long thought" * 10), Wait(100.0), Say("x")]]}

    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.CALL_STARTED)
        await world.clock.sleep(50.0)
        await world.runtime.cancel(tree_id)
        await world.settle()
        world.check()
        tree = await world.runtime.tree(tree_id)
        (attempt,) = world.models[0].ledger
        usage = tree["usage"]
        assert usage["estimated"]
        assert usage["wasted_tokens"] == usage["input_tokens"] + usage["output_tokens"] == attempt.tokens.total

    scene(parts, act)


def test_a_call_that_was_never_sent_is_not_booked() -> None:
    """The journal is slow, and the cancel comes while the start of the call is being written."""

    async def main() -> None:
        for seed in range(40):
            setup = Setup(seed=seed, lag_s=0.5)
            async with World(setup, lambda clock: [ScriptedModel(clock, play({"root": SLOW}), name="r")]) as world:
                tree_id = await world.submit(root())
                await world.until(tree_id, EventType.NODE_STARTED)
                await world.runtime.cancel(tree_id)
                await world.settle()
                world.check()
                tree = await world.runtime.tree(tree_id)
                assert tree["usage"]["calls"] == len(world.models[0].ledger)

    simulate(main)


def test_a_node_that_waits_for_a_slot_can_be_cancelled_and_takes_none() -> None:
    parts = {"root": [f"{gather('a', 'b', 'c')}\nfinish(len(rs))"], "a": SLOW, "b": SLOW, "c": SLOW}

    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        nodes = [await world.until(tree_id, EventType.NODE_CREATED, n) for n in (2, 3, 4)]
        await world.until(tree_id, EventType.CALL_STARTED, 2)
        await world.runtime.cancel(tree_id, nodes[1].node_id)
        await world.settle()
        world.check()
        tree = await world.runtime.tree(tree_id)
        assert tree["answer"] == 3
        assert tree["nodes"]["canceled"] == 1
        assert len(world.models[0].ledger) == 3
        assert 201 <= tree["timing"]["wall_s"] < 202

    scene(parts, act, Setup(slots=1))


def test_a_node_that_waits_for_its_turn_among_siblings_can_be_cancelled() -> None:
    parts = {"root": [f"{gather('a', 'b')}\nfinish(len(rs))"], "a": SLOW, "b": SLOW}

    async def act(world: World) -> None:
        tree_id = await world.submit(root(replace(PLENTY, max_children=1)))
        second = await world.until(tree_id, EventType.NODE_CREATED, 3)
        await world.runtime.cancel(tree_id, second.node_id)
        await world.settle()
        world.check()
        tree = await world.runtime.tree(tree_id, nodes=True)
        assert tree["answer"] == 2
        assert [child["status"] for child in tree["tree"]["children"]] == ["completed", "canceled"]

    scene(parts, act)


def test_a_tree_can_be_cancelled_before_any_replica_is_up() -> None:
    def replicas(clock: SimClock) -> list[ScriptedModel]:
        model = ScriptedModel(clock, play({}))
        model.up = False
        return [model]

    async def main() -> None:
        async with World(Setup(), replicas) as world:
            tree_id = await world.submit(root())
            await world.clock.sleep(3.0)
            await world.runtime.cancel(tree_id)
            await world.settle(5.0)
            tree = await world.runtime.tree(tree_id)
            assert tree["status"] == "canceled"
            assert tree["nodes"]["total"] == 0

    simulate(main)


@pytest.mark.parametrize("seed", range(60))
def test_a_cancel_may_come_at_any_moment_of_a_tree_on_slow_ports(seed: int) -> None:
    """The explorer had it come while the index was told of the start, and while a session was closed: trees broke."""
    parts = {"root": [gather("a", "b")], "a": [gather("x")], "x": SLOW}

    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.clock.sleep(seed * 0.04)
        await world.runtime.cancel(tree_id)
        await world.settle(10.0)
        world.check()
        assert (await world.runtime.tree(tree_id))["status"] == "canceled"

    scene(parts, act, Setup(seed=seed, lag_s=0.3), pace_s=0.2)


@pytest.mark.parametrize("seed", range(40))
def test_a_node_may_be_cancelled_at_any_moment_on_slow_ports(seed: int) -> None:
    parts = {"root": [f"{gather('a', 'b')}\nfinish(len(rs))"], "a": [gather("x", "y"), "finish(3, check='answer')"]}

    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        child = await world.until(tree_id, EventType.NODE_CREATED, 2)
        await world.clock.sleep(seed * 0.06)
        await world.runtime.cancel(tree_id, child.node_id)
        await world.settle(60.0)
        world.check()
        assert (await world.runtime.tree(tree_id))["answer"] == 2

    scene(parts, act, Setup(seed=seed, lag_s=0.3), pace_s=0.2)


def test_what_does_not_exist_cannot_be_cancelled() -> None:
    async def act(world: World) -> None:
        tree = await world.solve(root())
        with pytest.raises(UnknownNode):
            await world.runtime.cancel(tree["tree_id"], "nobody")
        with pytest.raises(UnknownTree):
            await world.runtime.cancel("no-such-tree")
        with pytest.raises(UnknownTree):
            await world.runtime.cancel(tree["tree_id"], tenant="somebody else")

    scene({}, act)


def test_stopping_the_runtime_leaves_no_call_no_slot_and_no_task() -> None:
    parts = {"root": [gather("a", "b")], "a": SLOW, "b": SLOW}

    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.CALL_STARTED, 3)
        await world.runtime.stop()
        assert world.models[0].in_flight == 0
        assert world.pool.queued == 0
        assert world.sandbox.open == {}
        assert world.runs[tree_id].live == {}
        assert world.runs[tree_id].account.reserved.tokens == 0

    scene(parts, act)
