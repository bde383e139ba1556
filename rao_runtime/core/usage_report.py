"""Sums of the ledger by day and row, and what a report makes of them: filtered, grouped, added up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from rao_runtime.core.ledger import CallOutcome, LedgerEntry, Purpose, Row, UsageSource

MAX_DIMENSIONS = 3


class Dimension(StrEnum):
    """What a report can be grouped by."""

    TENANT = "tenant"
    PROJECT = "project"
    MODEL = "model"
    DAY = "day"
    OUTCOME = "outcome"


class Sums(NamedTuple):
    """What a row's attempts come to; `amount` is in 1e-12 USD, of those that have a price."""

    trees: int = 0
    attempts: int = 0
    input: int = 0
    cached: int = 0
    output: int = 0
    unpriced: int = 0
    amount: int = 0


# A day, or the first of a month where the whole month is meant.
Rollup: TypeAlias = tuple[date, Row, Sums]
Key: TypeAlias = tuple[str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuery:
    """Days from `since` up to before `until`, in UTC; a filter that is None lets everything through."""

    since: date
    until: date
    group_by: Sequence[Dimension]
    tenant: str | None = None
    project: str | None = None
    model: str | None = None
    purpose: Purpose | None = None

    @property
    def by_day(self) -> bool:
        """Whether days must be told apart."""
        return Dimension.DAY in self.group_by

    def takes(self, row: Row) -> bool:
        """Whether a row is asked for."""
        asked = (self.tenant, self.project, self.model, None if self.purpose is None else self.purpose.value)
        told = (row.tenant, row.project, row.model, row.purpose)
        return all(want is None or want == have for want, have in zip(asked, told, strict=True))


@dataclass(slots=True)
class Line:
    """A line of a report. `cost` and `wasted_cost` are in 1e-12 USD, of the attempts that have a price."""

    trees: int = 0
    attempts: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    wasted_tokens: int = 0
    cost: int = 0
    wasted_cost: int = 0
    estimated_attempts: int = 0
    unpriced_attempts: int = 0

    def add(self, sums: Sums, *, wasted: bool, estimated: bool) -> None:
        """Add what a row has."""
        trees, attempts, given, cached, output, unpriced, amount = sums
        self.trees += trees
        self.attempts += attempts
        self.input_tokens += given
        self.cached_tokens += cached
        self.output_tokens += output
        self.unpriced_attempts += unpriced
        self.cost += amount
        if wasted:
            self.wasted_tokens += given + output
            self.wasted_cost += amount
        if estimated:
            self.estimated_attempts += attempts


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the sums of a row go on every day."""

    key: Key
    wasted: bool
    estimated: bool


class Report:
    """Adds roll-ups up. `lines` are by the values of the query's dimensions, in its order."""

    def __init__(self, query: UsageQuery) -> None:
        self.lines = dict[Key, Line]()
        self._query = query
        self._places = dict[Row, _Place | None]()
        self._day: date | None = None
        # By the key of a row's place: the lines of this day, where days are told apart.
        self._open = dict[Key, Line]()

    def add(self, rollups: Iterable[Rollup]) -> None:
        """Take these in."""
        for day, row, sums in rollups:
            if day != self._day and self._query.by_day:
                self._day, self._open = day, {}
            place = self._places[row] if row in self._places else self._found(row)
            if place is not None:
                line = self._open.get(place.key) or self._begun(place.key)
                line.add(sums, wasted=place.wasted, estimated=place.estimated)

    def sorted(self) -> Sequence[tuple[Key, Line]]:
        """The lines, by their keys."""
        return sorted(self.lines.items(), key=lambda item: tuple((part is not None, part or "") for part in item[0]))

    def total(self) -> Line:
        """All of them together."""
        total = Line()
        for line in self.lines.values():
            for name in Line.__slots__:
                setattr(total, name, getattr(total, name) + getattr(line, name))
        return total

    def _found(self, row: Row) -> _Place | None:
        place: _Place | None = None
        # Trees have no outcome of this kind: by outcome they are not counted.
        if self._query.takes(row) and (row.outcome or Dimension.OUTCOME not in self._query.group_by):
            key = tuple(None if by is Dimension.DAY else getattr(row, by.value) for by in self._query.group_by)
            wasted = row.outcome not in {CallOutcome.COMPLETED, ""}
            place = _Place(key, wasted, row.source == UsageSource.ESTIMATED)
        self._places[row] = place
        return place

    def _begun(self, key: Key) -> Line:
        day = None if self._day is None else self._day.isoformat()
        full = tuple(day if by is Dimension.DAY else part for by, part in zip(self._query.group_by, key, strict=True))
        line = self._open[key] = self.lines.setdefault(full, Line())
        return line


def sums_of(entries: Iterable[LedgerEntry], trees: Iterable[Row] = ()) -> Mapping[Row, Sums]:
    """What these entries and trees add to each row."""
    found = dict[Row, list[int]]()
    for row in trees:
        found.setdefault(row, [0] * len(Sums._fields))[0] += 1
    for entry in entries:
        sums = found.setdefault(entry.row, [0] * len(Sums._fields))
        tokens = entry.tokens
        added = (0, 1, tokens.input, tokens.cached, tokens.output, entry.amount is None, entry.amount or 0)
        for at, more in enumerate(added):
            sums[at] += more
    return {row: Sums(*sums) for row, sums in found.items()}
