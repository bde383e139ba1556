"""What was used and what it cost, apart from the trees: it outlives their deletion."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from rao_runtime.core.ledger import LedgerEntry, TreeBook
from rao_runtime.core.usage_report import Rollup


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordQuery:
    """Entries booked from `since` up to before `until` (epoch seconds), of one tenant or one tree where that is set."""

    since: float | None = None
    until: float | None = None
    tenant: str | None = None
    tree_id: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """An entry, and when it was booked: epoch seconds to a thousandth. Its day in UTC is the day it counts for."""

    entry: LedgerEntry
    booked_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPage:
    """Records in the order they were booked. `cursor` is where the next page begins, None where nothing was looked at.

    `has_more` tells that there may be more already; a page can be empty and have more.
    """

    records: Sequence[Record]
    cursor: str | None
    has_more: bool


class Ledger(Protocol):
    """Append-only. A tree is booked as a whole, once, when it has ended.

    What is booked counts for the day of its booking, so that a day that is over never changes.
    """

    async def is_booked(self, tree_id: str, *, patient: bool = False) -> bool:
        """Whether nothing of an ended tree is left to book: it is booked, or was, and is erased since.

        Here and in `book`, `patient` waits while the store is in trouble; else JournalUnavailable is raised.
        """
        ...

    async def book(self, book: TreeBook, *, patient: bool = False) -> None:
        """Book an ended tree. Does nothing for one that is booked, also by somebody else at this moment."""
        ...

    async def book_upkeep(self, entries: Sequence[LedgerEntry]) -> None:
        """Book calls that belong to no tree. Raises JournalUnavailable; then it is unknown whether they are booked."""
        ...

    def rollups(self, since: date, until: date, *, by_day: bool) -> AsyncIterator[Sequence[Rollup]]:
        """Sums of the days from `since` up to before `until`, piece by piece; whole months in one unless `by_day`.

        Raises JournalUnavailable.
        """
        ...

    async def records(self, query: RecordQuery, *, limit: int, after: str | None = None) -> RecordPage:
        """A page of at most `limit` records. Raises InvalidRequest for a cursor that is none, JournalUnavailable."""
        ...

    async def trim(self, before: float) -> None:
        """Drop records booked before then (epoch seconds); the sums stay. Raises JournalUnavailable."""
        ...
