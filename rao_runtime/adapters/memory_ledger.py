"""The ledger in this process's memory."""

from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain

from rao_runtime.adapters.ledger_blocks import in_order, split
from rao_runtime.adapters.ledger_pages import MS, PageMaker, ms_of
from rao_runtime.core.ledger import LedgerEntry, Row, TreeBook
from rao_runtime.core.usage_report import Rollup, Sums, sums_of
from rao_runtime.ports import Clock, RecordPage, RecordQuery


@dataclass(frozen=True, slots=True)
class _Block:
    ms: int
    seq: int
    entries: Sequence[LedgerEntry]


class MemoryLedger:
    """`ports.Ledger` in lists and dictionaries."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._booked = set[str]()
        self._blocks = list[_Block]()
        self._days = dict[date, dict[Row, Sums]]()
        self._last = (0, -1)

    async def is_booked(self, tree_id: str, *, patient: bool = False) -> bool:  # noqa: ARG002 - nothing ever waits
        """Whether the tree is booked."""
        return tree_id in self._booked

    async def book(self, book: TreeBook, *, patient: bool = False) -> None:  # noqa: ARG002 - nothing ever waits
        """Book an ended tree. Does nothing for one that is booked."""
        if book.tree_id not in self._booked:
            self._booked.add(book.tree_id)
            self._add(list(split(book.entries, book.origins)), [book.row])

    async def book_upkeep(self, entries: Sequence[LedgerEntry]) -> None:
        """Book calls that belong to no tree."""
        self._add(list(split(entries, {})), [])

    async def rollups(self, since: date, until: date, *, by_day: bool) -> AsyncIterator[Sequence[Rollup]]:  # noqa: ARG002 - days answer for months
        """Sums of the days from `since` up to before `until`."""
        for day in sorted(self._days):
            if since <= day < until:
                yield [(day, row, sums) for row, sums in self._days[day].items()]

    async def records(self, query: RecordQuery, *, limit: int, after: str | None = None) -> RecordPage:
        """A page of records. Raises InvalidRequest for a cursor that is none."""
        page = PageMaker(query, limit, after)
        first = bisect_left(self._blocks, page.start[:2], key=lambda block: (block.ms, block.seq))
        for block in self._blocks[first:]:
            mine = query.tree_id is None or query.tree_id == block.entries[0].tree_id
            page.add(block.ms, block.seq, block.entries if mine else ())
            if page.done:
                break
        return page.page()

    async def trim(self, before: float) -> None:
        """Drop records booked before then; the sums stay."""
        kept = bisect_left(self._blocks, ms_of(before), key=lambda block: block.ms)
        del self._blocks[:kept]

    def _add(self, blocks: Sequence[Sequence[LedgerEntry]], trees: Iterable[Row]) -> None:
        now = ms_of(self._clock.now())
        ms, seq = max(self._last, (now, -1))
        for block in blocks:
            seq += 1
            self._blocks.append(_Block(ms, seq, in_order(block)))
        self._last = (ms, seq)
        day = self._days.setdefault(datetime.fromtimestamp(ms / MS, UTC).date(), {})
        for row, added in sums_of(chain.from_iterable(blocks), trees).items():
            had = day.get(row, Sums())
            day[row] = Sums(*(a + b for a, b in zip(had, added, strict=True)))
