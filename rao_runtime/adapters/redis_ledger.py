"""The ledger in Redis: records in a stream, sums in hashes, all in one slot, apart from the trees and for longer.

A tree is booked in three steps, and whoever dies between two of them leaves a tree that is found and booked again:

1. In the ledger's slot its records and sums are written, and its id is noted as pending: a second try finds it there.
2. In the tree's slot it is flagged as booked, and the flag goes when the tree goes.
3. Its id is taken from what is pending. It stays among the last ones that are done with, for those who looked at the
   flag before step 2 and would book after step 3: who looked too long ago for that has to look again.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from rao_runtime.adapters import redis_ledger_scripts as scripts
from rao_runtime.adapters.clock import new_tree_id
from rao_runtime.adapters.ledger_blocks import decode, encode, head_of, in_order, rows_of, split
from rao_runtime.adapters.ledger_pages import MS, PageMaker, ms_of
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.adapters.redis_rollups import Rows, counters_of, day_name, month_name, rollups, text_of
from rao_runtime.adapters.redis_wire import Arg
from rao_runtime.core.ledger import LedgerEntry, Origin, Row, TreeBook
from rao_runtime.core.usage_report import Rollup, sums_of
from rao_runtime.ports import Clock, RecordPage, RecordQuery

# Encoding so many takes some 20 ms: more is done beside the event loop.
ENCODED_INLINE = 1_000
BLOCKS_AT_ONCE = 100
# What a crash left of a booking that nobody will ever take up again, since its tree is long gone.
PENDING_KEPT_S = 30 * 86_400.0


class RedisLedger:
    """`ports.Ledger` over a link."""

    def __init__(self, link: RedisLink, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._rows = Rows(link)
        self._state, self._pending, self._done, self._log = map(link.keys.ledger, ("state", "pending", "done", "log"))

    async def is_booked(self, tree_id: str, *, patient: bool = False) -> bool:
        """Whether nothing of an ended tree is left to book: it is booked, or was, and is erased since."""
        meta = self._link.keys.tree(tree_id).meta
        born, booked = await self._link.call("HMGET", meta, "born", "booked", patient=patient)
        return born is None or booked is not None

    async def book(self, book: TreeBook, *, patient: bool = False) -> None:
        """Book an ended tree. Does nothing for one that is booked, also by somebody else at this moment."""
        sums = {row: counters_of(each) for row, each in sums_of(book.entries, [book.row]).items()}
        while True:
            # Read before the flag is: what is done with since then is remembered, or is known to be too much for that.
            seen = await self._seen(patient=patient)
            if await self.is_booked(book.tree_id, patient=patient):
                # Whoever booked it may have died before the third step.
                await self._settle(book.tree_id, patient=patient)
                return
            entry = _Entry(book.tree_id, seen, book.entries, book.origins, sums)
            if await self._enter(entry, patient=patient):
                break
        await self._link.run(scripts.FLAG, [self._link.keys.tree(book.tree_id).meta], (), patient=patient)
        await self._settle(book.tree_id, patient=patient)

    async def book_upkeep(self, entries: Sequence[LedgerEntry]) -> None:
        """Book calls that belong to no tree. Raises JournalUnavailable; then it is unknown whether they are booked."""
        name = f"upkeep-{new_tree_id()}"
        sums = {row: counters_of(each) for row, each in sums_of(entries).items()}
        entered = False
        while not entered:
            seen = await self._seen(patient=False)
            entered = await self._enter(_Entry(name, seen, entries, {}, sums), patient=False)
        await self._settle(name, patient=False)

    def rollups(self, since: date, until: date, *, by_day: bool) -> AsyncIterator[Sequence[Rollup]]:
        """Sums of the days from `since` up to before `until`; whole months in one unless `by_day`."""
        return rollups(self._link, self._rows, since, until, by_day=by_day)

    async def records(self, query: RecordQuery, *, limit: int, after: str | None = None) -> RecordPage:
        """A page of records. Raises InvalidRequest for a cursor that is none, JournalUnavailable."""
        page = PageMaker(query, limit, after)
        ms, seq = page.start[:2]
        while not page.done:
            blocks = await self._link.call("XRANGE", self._log, f"{ms}-{seq}", "+", "COUNT", BLOCKS_AT_ONCE)
            await self._rows.by_number()
            for name, (_, data) in blocks:
                ms, seq = map(int, name.split(b"-"))
                asked = self._may_have(data, query)
                page.add(ms, seq, in_order(decode(data, self._rows.numbered_so)) if asked else ())
                if page.done:
                    break
            seq += 1
            if len(blocks) < BLOCKS_AT_ONCE:
                break
        return page.page()

    def _may_have(self, data: bytes, query: RecordQuery) -> bool:
        """Whether a block may have what is asked for."""
        if query.tree_id is not None and not data.startswith(head_of(query.tree_id)):
            return False
        return query.tenant is None or query.tenant in {self._rows.numbered_so(row).tenant for row in rows_of(data)}

    async def trim(self, before: float) -> None:
        """Drop records booked before then; the sums stay."""
        await self._link.call("XTRIM", self._log, "MINID", "=", f"{ms_of(before)}-0")
        forgotten = ms_of(self._clock.now() - PENDING_KEPT_S)
        await self._link.call("ZREMRANGEBYSCORE", self._pending, "-inf", forgotten)

    async def _seen(self, *, patient: bool) -> int:
        """How many bookings have been done with so far."""
        return int(await self._link.call("HGET", self._state, "n", patient=patient) or 0)

    async def _enter(self, entry: "_Entry", *, patient: bool) -> bool:
        """Write it, unless it is written; False where what was looked at must be looked at again."""
        keys, ms = self._link.keys, ms_of(self._clock.now())
        while True:
            numbers = await self._rows.numbered(list(entry.sums), patient=patient)
            day = datetime.fromtimestamp(ms / MS, UTC).date()
            ends = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
            args: list[Arg] = [entry.name, entry.seen, ms, ms_of(ends.timestamp()), len(entry.sums)]
            for row, counters in entry.sums.items():
                args += [text_of(row), numbers[row], *counters]
            args += await entry.blocks(numbers)
            names = [keys.ledger(name) for name in ("rows", "state", "pending", "done", "log")]
            names += [keys.ledger(day_name(day)), keys.ledger(month_name(day))]
            match await self._link.run(scripts.BOOK, names, args, patient=patient):
                case [b"late", int(at)]:
                    ms = at
                case [b"rows"]:
                    self._rows.forget()
                case answer:
                    return answer != [b"stale"]

    async def _settle(self, name: str, *, patient: bool) -> None:
        await self._link.run(scripts.SETTLE, [self._state, self._pending, self._done], [name], patient=patient)


class _Entry:
    """What is booked at once, under a name that nothing else has."""

    def __init__(
        self,
        name: str,
        seen: int,
        entries: Sequence[LedgerEntry],
        origins: Mapping[str, Origin],
        sums: Mapping[Row, Sequence[Arg]],
    ) -> None:
        self.name = name
        self.seen = seen
        self.sums = sums
        self._entries = entries
        self._origins = origins

    async def blocks(self, numbers: Mapping[Row, int]) -> list[bytes]:
        """The records, encoded."""
        if len(self._entries) < ENCODED_INLINE:
            return self._encoded(numbers)
        return await asyncio.to_thread(self._encoded, numbers)

    def _encoded(self, numbers: Mapping[Row, Any]) -> list[bytes]:
        return [encode(block, self._origins, numbers.__getitem__) for block in split(self._entries, self._origins)]
