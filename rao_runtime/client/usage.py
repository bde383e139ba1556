"""Usage and cost as a client sees them. `raw` is what the server sent, with the fields that have no name here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Self, TypedDict

from rao_runtime.client import fields


class UsageFilters(TypedDict, total=False):
    """What else can be asked for: a time, and only attempts of one tenant, project, model or purpose."""

    since: str | None
    until: str | None
    tenant: str | None
    project: str | None
    model: str | None
    purpose: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageAsked:
    """Which usage, and by what it is told apart."""

    group_by: Iterable[str] = ("day",)
    since: str | None = None
    until: str | None = None
    tenant: str | None = None
    project: str | None = None
    model: str | None = None
    purpose: str | None = None

    def params(self) -> Mapping[str, str]:
        """As the query string has it."""
        filters = ("since", "until", "tenant", "project", "model", "purpose")
        asked = {name: getattr(self, name) for name in filters if getattr(self, name) is not None}
        return {"group_by": ",".join(self.group_by), **asked}


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLine:
    """What some attempts come to. `key` has a value for each dimension asked for, in that order; the total has none.

    `trees` is None where attempts are told apart by outcome; `cost` (USD) where none of them has a price.
    """

    key: tuple[str | None, ...]
    trees: int | None
    attempts: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    wasted_tokens: int
    cost: Decimal | None
    wasted_cost: Decimal | None
    estimated_attempts: int
    unpriced_attempts: int
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, raw: Mapping[str, Any], group_by: tuple[str, ...] = ()) -> Self:
        """From a line of the API."""
        return cls(
            key=tuple(fields.text_or_none(raw.get(name)) for name in group_by),
            trees=fields.integer(raw.get("trees")),
            attempts=fields.number(raw.get("attempts")),
            input_tokens=fields.number(raw.get("input_tokens")),
            cached_tokens=fields.number(raw.get("cached_tokens")),
            output_tokens=fields.number(raw.get("output_tokens")),
            wasted_tokens=fields.number(raw.get("wasted_tokens")),
            cost=_amount(raw.get("cost")),
            wasted_cost=_amount(raw.get("wasted_cost")),
            estimated_attempts=fields.number(raw.get("estimated_attempts")),
            unpriced_attempts=fields.number(raw.get("unpriced_attempts")),
            raw=raw,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """Usage of the days in UTC from `since` up to before `until`."""

    since: str
    until: str
    group_by: tuple[str, ...]
    lines: tuple[UsageLine, ...]
    total: UsageLine
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self | None:
        """From a report of the API; None for what is none."""
        if not isinstance(raw.get("data"), list) or not fields.mapping(raw.get("total")):
            return None
        names = map(fields.text, fields.items(raw.get("group_by")))
        group_by = tuple(name for name in names if name)
        lines = (UsageLine.read(fields.mapping(each), group_by) for each in fields.items(raw.get("data")))
        return cls(
            since=fields.text(raw.get("since")),
            until=fields.text(raw.get("until")),
            group_by=group_by,
            lines=tuple(lines),
            total=UsageLine.read(fields.mapping(raw.get("total"))),
            raw=raw,
        )


def _amount(value: object) -> Decimal | None:
    try:
        return Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        return None
