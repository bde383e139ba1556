"""A tree that somebody else has claimed: its former owner writes nothing more, books what it spent, and lets go."""

import pytest

from rao_runtime.core.budget import NOTHING
from rao_runtime.core.events import Event, EventType
from rao_runtime.core.state import fold
from tests.sim.directed import Parts, root, scene
from tests.sim.play import gather
from tests.sim.world import Setup, World

PARTS: Parts = {"root": [gather("a", "b", "c"), "finish(sum(rs), check='answer == 3')"], "a": [gather("x", "y")]}


async def play_to_the_end(world: World) -> str:
    tree_id = await world.submit(root())
    await world.settle()
    world.check()
    return tree_id


@pytest.mark.parametrize("append", range(2, 40))
@pytest.mark.parametrize("lag_s", [0.0, 0.3])
def test_a_stale_owner_writes_nothing_and_leaves_nothing(append: int, lag_s: float) -> None:
    async def act(world: World) -> None:
        tree_id = await play_to_the_end(world)
        run = world.runs[tree_id]
        if tree_id not in world.invariants.taken:
            assert run.ended  # the tree was over before so many appends
            return
        events = await world.events(tree_id)
        assert len(events) == world.invariants.taken[tree_id]
        assert not fold(tree_id, events).has_ended
        assert run.account.reserved == NOTHING
        assert run.live == {}
        entry = await world.index.get(tree_id)
        assert entry is not None
        assert entry.status in {"submitted", "working"}

    scene(PARTS, act, Setup(lag_s=lag_s, take_over=frozenset({(0, append)})))


def test_the_end_that_a_stale_owner_could_not_write_is_no_end() -> None:
    """Its tree counted as ended in the index and in this process, though the journal said otherwise."""

    async def act(world: World) -> None:
        tree_id = await play_to_the_end(world)
        assert world.runs[tree_id].state.has_ended
        assert not world.runs[tree_id].ended
        assert (await world.runtime.tree(tree_id))["status"] == "working"
        assert await world.runtime.last_seq(tree_id) == (world.invariants.taken[tree_id], False)
        entry = await world.index.get(tree_id)
        assert entry is not None
        assert entry.status == "working"

    async def count(world: World) -> None:
        await play_to_the_end(world)
        appends.append(world.appends["tree-0-0"])

    appends = list[int]()
    scene(PARTS, count)
    scene(PARTS, act, Setup(take_over=frozenset({(0, appends[0])})))


def test_a_tree_that_was_taken_over_does_not_disturb_the_others() -> None:
    async def act(world: World) -> None:
        taken, sound = await world.submit(root()), await world.submit(root())
        await world.settle()
        world.check()
        assert not world.runs[taken].ended
        assert (await world.runtime.tree(sound))["answer"] == 3

    scene(PARTS, act, Setup(take_over=frozenset({(0, 4)})))


def test_the_versions_and_the_fence_of_a_run_are_journaled_with_its_start() -> None:
    async def act(world: World) -> None:
        tree_id = await play_to_the_end(world)
        (started,) = await world.events(tree_id, EventType.TREE_STARTED)
        assert started.data["fence"] == 1
        assert started.data["versions"]["sandbox"] == world.sandbox.version
        assert set(started.data["versions"]) == {"schema", "runtime", "protocol", "prompt", "sandbox"}

    scene(PARTS, act)


def test_events_come_to_a_follower_in_order_without_gaps_and_end_with_the_tree() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        seen = list[Event]()
        async with world.runtime.events(tree_id, after=2) as batches:
            async for batch in batches:
                seen += [event for event in batch if isinstance(event, Event)]
                if seen[-1].is_end:
                    break
        assert [event.seq for event in seen] == list(range(3, 3 + len(seen)))
        await world.settle()

    scene(PARTS, act, Setup(lag_s=0.1))
