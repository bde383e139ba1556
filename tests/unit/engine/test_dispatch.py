"""Trees in this process: so many at once, the rest in line."""

import asyncio

import pytest

from rao_runtime.core.errors import Overloaded
from rao_runtime.engine.dispatch import LocalDispatch
from tests.sim.clock import SimClock


class Trees:
    """Runs trees that end when they are told to."""

    def __init__(self, *, max_active: int = 2, max_queued: int = 2) -> None:
        self.begun = list[str]()
        self.ends = dict[str, asyncio.Event]()
        self.dispatch = LocalDispatch(self._run, max_active=max_active, max_queued=max_queued)
        self._clock = SimClock()

    async def _run(self, tree_id: str) -> None:
        self.begun.append(tree_id)
        if tree_id == "broken":
            raise RuntimeError("a bug")
        self.ends[tree_id] = asyncio.Event()
        await self.ends[tree_id].wait()

    async def end(self, tree_id: str) -> None:
        self.ends[tree_id].set()
        await self.rest()

    async def rest(self) -> None:
        """Let everything run that can."""
        await self._clock.sleep(0.001)


async def test_trees_run_at_once_up_to_the_limit_and_the_next_one_when_one_ends() -> None:
    trees = Trees()
    for name in "abcd":
        await trees.dispatch.submit(name)
    await trees.rest()
    assert (trees.begun, trees.dispatch.active, trees.dispatch.queued) == (["a", "b"], 2, 2)
    await trees.end("b")
    assert (trees.begun, trees.dispatch.queued) == (["a", "b", "c"], 1)
    await trees.dispatch.stop()


async def test_a_full_queue_turns_trees_away_with_a_time_to_come_back() -> None:
    trees = Trees()
    for name in "abcd":
        await trees.dispatch.submit(name)
    with pytest.raises(Overloaded) as refused:
        await trees.dispatch.submit("e")
    assert refused.value.retry_after_s > 0
    await trees.dispatch.stop()


async def test_a_tree_that_breaks_makes_room_for_the_next(caplog: pytest.LogCaptureFixture) -> None:
    trees = Trees(max_active=1)
    await trees.dispatch.submit("broken")
    await trees.dispatch.submit("a")
    await trees.rest()
    assert trees.begun == ["broken", "a"]
    assert "tree broken broke" in caplog.text
    await trees.dispatch.stop()


async def test_a_waiting_tree_can_be_sent_ahead_to_its_end() -> None:
    trees = Trees(max_active=1)
    for name in "abc":
        await trees.dispatch.submit(name)
    trees.dispatch.expedite("c")
    trees.dispatch.expedite("a")
    trees.dispatch.expedite("unknown")
    await trees.rest()
    assert trees.begun == ["a", "c"]
    await trees.end("a")
    assert trees.dispatch.active == 1
    await trees.end("c")
    assert trees.begun == ["a", "c", "b"]
    await trees.dispatch.stop()


async def test_a_closed_dispatch_takes_nothing_and_starts_nothing_more() -> None:
    trees = Trees(max_active=1)
    await trees.dispatch.submit("a")
    await trees.dispatch.submit("b")
    await trees.rest()
    trees.dispatch.close()
    with pytest.raises(Overloaded):
        await trees.dispatch.submit("c")
    await trees.end("a")
    assert trees.begun == ["a"]


async def test_stopping_cancels_what_runs_and_waits_until_it_is_gone() -> None:
    trees = Trees()
    for name in "abc":
        await trees.dispatch.submit(name)
    await trees.rest()
    await trees.dispatch.stop()
    await trees.rest()
    assert (trees.dispatch.active, trees.dispatch.queued, trees.begun) == (0, 0, ["a", "b"])
