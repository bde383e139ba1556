"""Whoever dies while it books a tree, or comes late, leaves the books right: every tree in them once."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from rao_runtime.adapters import redis_ledger_scripts as scripts
from rao_runtime.adapters.redis_journal import RedisJournal
from rao_runtime.adapters.redis_ledger import RedisLedger
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.adapters.redis_scripts import Script
from rao_runtime.adapters.redis_wire import Arg, Reply
from rao_runtime.core.ledger import TreeBook
from rao_runtime.ports import RecordQuery
from tests.conformance import redis_servers
from tests.conformance.journal_makers import HandClock
from tests.unit.ledger_books import book

STEPS = ("ledger_number_rows", "ledger_book", "ledger_flag", "ledger_settle")


class Died(Exception):
    """The process is gone."""


class FragileLink(RedisLink):
    """A process's link that ends before or after its first script of one name, or waits there until it may go on."""

    dies_at = ""
    before = False
    waits_at = ""

    def __init__(self, url: str, *, prefix: str) -> None:
        super().__init__(url, prefix=prefix)
        self.waits = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Arg], *, patient: bool = False) -> Reply:
        if script.name == self.waits_at:
            self.waits_at = ""
            self.waits.set()
            await self.goes_on.wait()
        dies = script.name == self.dies_at
        if dies and self.before:
            raise Died
        reply = await super().run(script, keys, args, patient=patient)
        if dies:
            raise Died
        return reply


class Processes:
    """Processes that share a Redis, each with a ledger of its own."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self.url, self.prefix, self.clock = url, redis_servers.new_prefix(), HandClock(1_790_000_000.0)
        self._stack = stack

    async def start(self) -> tuple[FragileLink, RedisLedger]:
        link = await self._stack.enter_async_context(FragileLink(self.url, prefix=self.prefix))
        return link, RedisLedger(link, self.clock)

    async def journal(self) -> RedisJournal:
        link, _ = await self.start()
        return await self._stack.enter_async_context(RedisJournal(link))


@asynccontextmanager
async def on(kind: str) -> AsyncGenerator[Processes]:
    async with AsyncExitStack() as stack:
        yield Processes(redis_servers.shared(kind).url, stack)


@pytest.fixture(params=redis_servers.KINDS)
async def processes(request: pytest.FixtureRequest) -> AsyncIterator[Processes]:
    async with on(request.param) as processes:
        yield processes


async def check_booked_once(ledger: RedisLedger, found: TreeBook) -> None:
    page = await ledger.records(RecordQuery(tree_id=found.tree_id), limit=1_000)
    assert sorted(record.entry.call_id for record in page.records) == sorted(each.call_id for each in found.entries)
    assert await ledger.is_booked(found.tree_id)


async def left_pending(link: RedisLink) -> int:
    return await link.call("ZCARD", link.keys.ledger("pending"))


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("step", STEPS)
async def test_a_tree_whose_booking_was_cut_short_is_booked_by_the_next_one(
    processes: Processes, step: str, before: bool
) -> None:
    found, journal = book(parents=[0, 0]), await processes.journal()
    await journal.create(found.tree_id)
    dying, first = await processes.start()
    dying.dies_at, dying.before = step, before
    with pytest.raises(Died):
        await first.book(found)
    link, second = await processes.start()
    await second.book(found)
    await check_booked_once(second, found)
    assert await left_pending(link) == 0
    await second.book(found)
    await check_booked_once(second, found)


@asynccontextmanager
async def late(processes: Processes, found: TreeBook) -> AsyncGenerator[None, None]:
    """A process that has looked at the tree, and books it once the block is left."""
    slow, ledger = await processes.start()
    slow.waits_at = "ledger_book"
    async with asyncio.TaskGroup() as group:
        group.create_task(ledger.book(found))
        await slow.waits.wait()
        yield
        slow.goes_on.set()


async def test_who_looked_before_and_books_after_another_books_nothing(processes: Processes) -> None:
    found, journal = book(parents=[0]), await processes.journal()
    await journal.create(found.tree_id)
    _, quick = await processes.start()
    async with late(processes, found):
        await quick.book(found)
        await journal.delete(found.tree_id)
    await check_booked_once(quick, found)


async def test_who_looked_too_long_ago_looks_again(processes: Processes) -> None:
    found, journal = book(parents=[0]), await processes.journal()
    await journal.create(found.tree_id)
    link, quick = await processes.start()
    async with late(processes, found):
        await quick.book(found)
        # As many others as are remembered are done with meanwhile, and one.
        await link.call("HINCRBY", link.keys.ledger("state"), "n", scripts.REMEMBERED + 1)
        await link.call("DEL", link.keys.ledger("done"))
    await check_booked_once(quick, found)


async def test_no_more_bookings_are_remembered_than_that(processes: Processes) -> None:
    link, ledger = await processes.start()
    journal = await processes.journal()
    await link.call("HSET", link.keys.ledger("state"), "n", 5_000)
    for number in range(3):
        await link.call("ZADD", link.keys.ledger("done"), 5_000 - scripts.REMEMBERED + 1 + number, f"old{number}")
    for number in range(2):
        found = book(f"tree-{number}")
        await journal.create(found.tree_id)
        await ledger.book(found)
    kept = await link.call("ZRANGE", link.keys.ledger("done"), 0, -1)
    assert kept == [b"old2", b"tree-0", b"tree-1"]
    assert await left_pending(link) == 0


async def test_rows_whose_numbers_were_lost_are_numbered_again(processes: Processes) -> None:
    link, ledger = await processes.start()
    journal = await processes.journal()
    first, second = book("tree-1", model="rao-4b"), book("tree-2", model="other")
    for found in (first, second):
        await journal.create(found.tree_id)
    await ledger.book(first)
    # A Redis that lost its last second, and another process that was quicker since.
    for name in ("rows", "log"):
        await link.call("DEL", link.keys.ledger(name))
    _, other = await processes.start()
    await other.book(second)
    third = book("tree-3", model="rao-4b")
    await journal.create(third.tree_id)
    await ledger.book(third)
    for found in (second, third):
        page = await other.records(RecordQuery(tree_id=found.tree_id), limit=10)
        assert {record.entry.row.model for record in page.records} == {found.row.model}


async def test_a_booking_shortly_before_midnight_by_a_slow_clock_counts_for_the_day_of_its_record(
    processes: Processes,
) -> None:
    journal = await processes.journal()
    _, ledger = await processes.start()
    day_s = 86_400.0
    processes.clock.time = (processes.clock.time // day_s + 1) * day_s + 1
    ahead = book("tree-1")
    await journal.create(ahead.tree_id)
    await ledger.book(ahead)
    processes.clock.time -= 2
    behind = book("tree-2")
    await journal.create(behind.tree_id)
    await ledger.book(behind)
    page = await ledger.records(RecordQuery(since=processes.clock.time + 1), limit=10)
    assert len(page.records) == len(ahead.entries) + len(behind.entries)
