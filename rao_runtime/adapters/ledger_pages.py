"""Pages of a ledger's records: where one begins, what it takes of the blocks that it passes, and where the next begins.

A block is what was booked together. It has a place in the order, `(ms, seq)`, that never changes; a cursor is such a
place and a number of records in the block. So a page is the same whatever is booked behind it meanwhile.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import NamedTuple

from rao_runtime.adapters.clock import made_at
from rao_runtime.core.errors import Fault, InvalidRequest
from rao_runtime.core.ledger import LedgerEntry
from rao_runtime.ports import Record, RecordPage, RecordQuery

MS = 1_000
# On the way to the records of a rare tenant, or of one tree, a page passes so many blocks of others at most: the next
# one goes on from there.
PASSED = 2_000
# For how much the clocks of two machines may differ.
SKEW_MS = 3_600_000

_PLACE = re.compile(r"(0|[1-9]\d{0,14})-(0|[1-9]\d{0,14})-(0|[1-9]\d{0,8})")


class Place(NamedTuple):
    """Before the `offset`-th record of the block at `ms`, `seq`."""

    ms: int
    seq: int
    offset: int = 0


class PageMaker:
    """Takes blocks in order from `start` on, until `done`."""

    def __init__(self, query: RecordQuery, limit: int, after: str | None) -> None:
        """Raises InvalidRequest for a cursor that is none."""
        begin = Place(0 if query.since is None else ms_of(query.since), 0)
        if query.tree_id is not None:
            # What is booked is older than its booking, and the ids we make tell their time.
            begin = max(begin, Place((made_at(query.tree_id) or 0) - SKEW_MS, 0))
        self.start = begin if after is None else max(begin, place_of(after))
        self.end_ms = None if query.until is None else ms_of(query.until)
        self.done = False
        self._query = query
        self._limit = limit
        self._records = list[Record]()
        self._place: Place | None = None if after is None else self.start
        self._has_more = False
        self._passed = 0

    def add(self, ms: int, seq: int, entries: Sequence[LedgerEntry]) -> None:
        """Take what is asked for of a block; `entries` is empty where nothing in it can be."""
        if self.end_ms is not None and ms >= self.end_ms:
            self.done = True
            return
        first = self.start.offset if (ms, seq) == self.start[:2] else 0
        passed = True
        for offset in range(first, len(entries)):
            if self._takes(entries[offset]):
                if len(self._records) == self._limit:
                    self._stop(Place(ms, seq, offset), has_more=True)
                    return
                self._records.append(Record(entries[offset], ms / MS))
                passed = False
        self._place = Place(ms, seq + 1)
        self._passed += passed
        if passed and self._records and self._query.tree_id is not None:
            # The blocks of a tree follow on each other, and these were all.
            self.done = True
        elif self._passed == PASSED:
            self._stop(self._place, has_more=True)

    def page(self) -> RecordPage:
        """What was taken."""
        cursor = None if self._place is None else cursor_of(self._place)
        return RecordPage(records=self._records, cursor=cursor, has_more=self._has_more)

    def _takes(self, entry: LedgerEntry) -> bool:
        query = self._query
        of_tenant = query.tenant is None or query.tenant == entry.row.tenant
        return of_tenant and (query.tree_id is None or query.tree_id == entry.tree_id)

    def _stop(self, place: Place, *, has_more: bool) -> None:
        self._place, self._has_more, self.done = place, has_more, True


def ms_of(seconds: float) -> int:
    """Epoch seconds as whole milliseconds, those before the epoch as its first."""
    return max(0, round(seconds * MS))


def cursor_of(place: Place) -> str:
    """The cursor of a place."""
    return urlsafe_b64encode("-".join(map(str, place)).encode()).decode().rstrip("=")


def place_of(cursor: str) -> Place:
    """The place of a cursor. Raises InvalidRequest for one that is none."""
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        text = ""
    found = _PLACE.fullmatch(text)
    place = None if found is None else Place(*map(int, found.groups()))
    if place is None or cursor_of(place) != cursor:
        raise InvalidRequest([Fault(("query", "after"), "is not a cursor of this list")])
    return place
