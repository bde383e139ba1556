"""When a tree is booked: once it has ended, before its index says so, and by whoever comes after one that could not."""

from dataclasses import replace

import pytest

from rao_runtime.adapters.memory_ledger import MemoryLedger
from rao_runtime.core.errors import UnknownTree
from rao_runtime.core.events import EventType
from rao_runtime.core.ledger import CallOutcome
from rao_runtime.engine.runtime import RuntimeSettings
from rao_runtime.ports import TreeEntry
from tests.sim.books import booked
from tests.sim.directed import Parts, root, scene
from tests.sim.faults import Kill
from tests.sim.play import gather
from tests.sim.scenario import PRICE
from tests.sim.world import Setup, World

PARTS: Parts = {"root": [gather("a", "b"), "finish(sum(rs))"], "a": ["x = 1", "finish(1)"]}
CALLS = 5
PRICED = Setup(price=PRICE)


def appends_of_a_run() -> int:
    """How many appends the tree takes."""
    counts = list[int]()

    async def act(world: World) -> None:
        await world.solve(root())
        counts.extend(world.appends.values())

    scene(PARTS, act, PRICED)
    return counts[0]


def test_a_tree_is_booked_when_it_has_ended_and_not_before() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.CALL_COMPLETED, CALLS - 1)
        assert await booked(world.ledger) == []
        await world.settle()
        await world.check_books()
        assert len(await booked(world.ledger, tree_id)) == CALLS

    scene(PARTS, act, PRICED)


@pytest.mark.parametrize("written", [True, False])
def test_a_process_that_dies_over_the_last_event_leaves_a_tree_that_is_booked_by_the_next_one(*, written: bool) -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.settle()
        await world.check_books()
        assert world.starts == 2
        entries = await booked(world.ledger, tree_id)
        assert {entry.row.outcome for entry in entries} == {CallOutcome.COMPLETED.value}

    last = appends_of_a_run()
    scene(PARTS, act, replace(PRICED, kills={(0, last): Kill(append=last, written=written, gently=False)}))


def test_what_a_dead_worker_had_under_way_is_booked_in_full_and_as_interrupted() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.CALL_STARTED, 2)
        await world.crash()
        await world.restart()
        await world.settle()
        await world.check_books()
        outcomes = [entry.row.outcome for entry in await booked(world.ledger, tree_id)]
        assert outcomes.count(CallOutcome.INTERRUPTED.value) >= 1
        assert outcomes.count(CallOutcome.COMPLETED.value) == CALLS

    scene(PARTS, act, PRICED)


def test_calls_that_were_cancelled_are_booked_as_such() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.CALL_STARTED, 3)
        await world.runtime.cancel(tree_id)
        await world.settle()
        await world.check_books()
        assert CallOutcome.CANCELED.value in {entry.row.outcome for entry in await booked(world.ledger, tree_id)}

    scene(PARTS, act, PRICED)


def test_what_a_tree_cost_outlives_its_deletion() -> None:
    async def act(world: World) -> None:
        tree_id = (await world.solve(root()))["tree_id"]
        before = await booked(world.ledger)
        await world.runtime.delete(tree_id)
        with pytest.raises(UnknownTree):
            await world.runtime.tree(tree_id)
        assert await booked(world.ledger) == before != []

    scene(PARTS, act, PRICED)


def test_a_tree_that_nobody_booked_is_booked_before_it_is_deleted() -> None:
    async def act(world: World) -> None:
        tree_id = (await world.solve(root()))["tree_id"]
        before = await booked(world.ledger)
        world.ledger = MemoryLedger(world.clock)
        await world.crash()
        await world.restart()
        await world.runtime.delete(tree_id)
        assert await booked(world.ledger) == before != []

    scene(PARTS, act, PRICED)


def test_the_sweep_tells_of_a_tree_that_ran_and_whose_journal_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    async def act(world: World) -> None:
        await world.crash()
        for tree_id, status in (("lost", "working"), ("half-made", "submitted")):
            entry = TreeEntry(tree_id=tree_id, tenant="default", status=status, created_at=world.clock.now() - 100)
            await world.index.add(entry, key=None, fingerprint="")
        await world.restart()

    scene(PARTS, act, PRICED)
    assert [record.getMessage() for record in caplog.records if "cannot be booked" in record.getMessage()] == [
        "tree lost: its journal is lost, what it cost cannot be booked"
    ]


def test_records_go_when_their_time_is_up_and_the_sums_stay() -> None:
    async def act(world: World) -> None:
        await world.solve(root())
        assert await booked(world.ledger)
        await world.clock.sleep(1_000.0)
        await world.runtime.recover()
        assert await booked(world.ledger) == []

    scene(PARTS, act, replace(PRICED, runtime=RuntimeSettings(usage_kept_s=900.0)))
