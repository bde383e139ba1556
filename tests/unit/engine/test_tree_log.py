"""The owner's pen: at once in the state, in order in the journal, and never a wait without an end."""

import asyncio
from collections.abc import Sequence

import pytest

from rao_runtime.adapters.memory_journal import MemoryJournal
from rao_runtime.core.errors import JournalError, StaleFence
from rao_runtime.core.events import Event, EventType
from rao_runtime.core.state import TreeState
from rao_runtime.core.transitions import IllegalMove
from rao_runtime.engine.tree_log import TreeLog, watches_of
from tests.sim.clock import SimClock
from tests.unit.core.tree_builder import CREATED, STARTED


class GatedJournal(MemoryJournal):
    """Appends wait for the gate; `batches` are the sizes of those that came."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.batches = list[int]()
        self.broken: Exception | None = None

    async def append(self, tree_id: str, fence: int, events: Sequence[Event]) -> None:
        self.batches.append(len(events))
        await self.gate.wait()
        if self.broken is not None:
            raise self.broken
        await super().append(tree_id, fence, events)


async def pen(journal: MemoryJournal) -> TreeLog:
    await journal.create("t")
    claim = await journal.claim("t")
    return TreeLog(journal, SimClock(), TreeState("t"), claim.fence)


def begin(log: TreeLog) -> None:
    log.record(EventType.TREE_CREATED, CREATED)
    log.record(EventType.TREE_STARTED, STARTED)


async def test_what_is_recorded_is_in_the_state_at_once_and_in_the_journal_when_durable() -> None:
    journal = MemoryJournal()
    async with await pen(journal) as log:
        begin(log)
        assert log.state.last_seq == 2
        assert await journal.last("t") is None
        await log.durable()
        assert [event.seq for event in await journal.read("t")] == [1, 2]


async def test_events_recorded_during_an_append_go_together_in_the_next() -> None:
    journal = GatedJournal()
    async with await pen(journal) as log, asyncio.TaskGroup() as group:
        log.record(EventType.TREE_CREATED, CREATED)
        first = group.create_task(log.durable())
        while not journal.batches:
            await asyncio.wait([first], timeout=0)
        log.record(EventType.TREE_STARTED, STARTED)
        log.record(EventType.LIMITS_CHANGED, {"limits": {}})
        second = group.create_task(log.durable())
        journal.gate.set()
        await second
        assert journal.batches == [1, 2]


async def test_an_illegal_event_is_neither_in_the_state_nor_in_the_journal() -> None:
    journal = MemoryJournal()
    async with await pen(journal) as log:
        begin(log)
        with pytest.raises(IllegalMove):
            log.record(EventType.TREE_CREATED, CREATED)
        await log.durable()
        assert log.state.last_seq == len(await journal.read("t")) == 2


async def test_a_stale_pen_fails_for_everybody_who_waits_and_for_every_later_record() -> None:
    journal = GatedJournal()
    async with await pen(journal) as log:
        begin(log)
        waiters = [asyncio.create_task(log.durable()) for _ in range(3)]
        await journal.create("t")
        await journal.claim("t")
        journal.gate.set()
        ended = await asyncio.gather(*waiters, return_exceptions=True)
        assert [type(error) for error in ended] == [StaleFence] * 3
        with pytest.raises(StaleFence):
            log.record(EventType.LIMITS_CHANGED, {})
        with pytest.raises(StaleFence):
            await log.durable()
    assert await journal.last("t") is None


async def test_any_failure_of_the_journal_reaches_those_who_wait() -> None:
    """A writer that died of a lost connection once left them waiting for ever."""
    journal = GatedJournal()
    journal.broken = OSError("connection lost")
    journal.gate.set()
    async with await pen(journal) as log:
        begin(log)
        with pytest.raises(JournalError, match="connection lost"):
            await asyncio.wait_for(log.durable(), timeout=5.0)


async def test_a_waiter_that_is_cancelled_does_not_disturb_the_others() -> None:
    journal = GatedJournal()
    async with await pen(journal) as log:
        begin(log)
        one, other = asyncio.create_task(log.durable()), asyncio.create_task(log.durable())
        await asyncio.wait([one], timeout=0.01)
        one.cancel()
        await asyncio.wait([one])
        journal.gate.set()
        await other
        assert one.cancelled()


async def test_nothing_recorded_means_nothing_to_wait_for() -> None:
    async with await pen(MemoryJournal()) as log:
        await log.durable()


class Eyes:
    """Notes what it is told; breaks where it is to."""

    def __init__(self, *, broken: bool = False) -> None:
        self._broken = broken
        self.seen = list[int]()

    def watch(self, past: Sequence[Event]) -> "Eyes":
        self.seen += [event.seq for event in past]
        return self

    def saw(self, events: Sequence[Event]) -> None:
        if self._broken:
            raise ValueError("blind")
        self.seen += [event.seq for event in events]


async def test_who_watches_is_told_of_what_is_in_the_journal_and_cannot_stop_the_pen() -> None:
    journal = GatedJournal()
    blind, eyes = Eyes(broken=True), Eyes()
    await journal.create("t")
    claim = await journal.claim("t")
    log = TreeLog(journal, SimClock(), TreeState("t"), claim.fence, watches=await watches_of([blind, eyes], []))
    async with log:
        begin(log)
        assert eyes.seen == []
        journal.gate.set()
        await log.durable()
        log.record(EventType.LIMITS_CHANGED, {"limits": {}})
        await log.durable()
    assert eyes.seen == [1, 2, 3]
