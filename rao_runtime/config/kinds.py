"""Kinds of values: how each is read from text or TOML, and how it is described."""

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from math import inf, isfinite
from typing import Any, Generic, TypeVar, cast
from urllib.parse import urlsplit

from rao_runtime.config.base_url import base_url

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

TRUE, FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})

MOST_PRICE, PRICE_DECIMALS = 1_000_000, 6
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d))?", re.ASCII)

REDIS_SCHEMES = frozenset({"redis", "rediss", "unix"})
MEMORY_URL = "memory://"
TRACE_ID = "{trace_id}"


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """Reads a value of one kind. `read` raises ValueError; `allowed` completes "expected ..."."""

    allowed: str
    read: Callable[[object], T]


def whole(least: int, most: int | None = None) -> Kind[int]:
    """A whole number; text may group its digits with underscores."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError
        return int(_within(int(value), least, most))

    return Kind(f"a whole number {_span(least, most)}", read)


def number(least: float, most: float | None = None) -> Kind[float]:
    """A number, fractions allowed."""

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        return float(_within(float(value), least, most))

    return Kind(f"a number {_span(least, most)}", read)


def price() -> Kind[Decimal]:
    """A price in USD, exactly as written.

    It is bounded in size and decimals, so that whatever is made of it is exact (see `core/pricing.py`).
    """

    def read(value: object) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            raise ValueError from None
        if not amount.is_finite() or not 0 <= amount <= MOST_PRICE or amount != round(amount, PRICE_DECIMALS):
            raise ValueError
        return amount

    return Kind(f"an amount in USD such as 0.15, with {PRICE_DECIMALS} decimals and {MOST_PRICE:,} at most", read)


def moment() -> Kind[float]:
    """A time of the calendar, in epoch seconds: as RFC 3339 writes it, or TOML; a day is its midnight in UTC."""

    def read(value: object) -> float:
        if isinstance(value, str):
            if not RFC_3339.fullmatch(value.strip()):
                raise ValueError
            value = datetime.fromisoformat(value.strip().upper())
            value = value if value.tzinfo is not None else value.date()
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise ValueError
            return value.timestamp()
        if not isinstance(value, date):
            raise ValueError
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()

    return Kind("a day such as 2026-11-01, or a time with its zone such as 2026-11-01T00:00:00Z", read)


def text() -> Kind[str]:
    """Text that is not empty."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise ValueError
        return value.strip()

    return Kind("text that is not empty", read)


def texts() -> Kind[tuple[str, ...]]:
    """A list of texts, kept as they are."""

    def read(value: object) -> tuple[str, ...]:
        items = cast("Sequence[object]", value) if isinstance(value, list | tuple) else [None]
        if not all(isinstance(item, str) and item for item in items):
            raise ValueError
        return tuple(cast("Sequence[str]", items))

    return Kind("a list of texts", read)


def words(least: int = 0) -> Kind[tuple[str, ...]]:
    """Words of a command line: text as a shell would split it, or a list of them as they are."""

    def read(value: object) -> tuple[str, ...]:
        found = shlex.split(value) if isinstance(value, str) else texts().read(value)
        if len(found) < least or any("\0" in word for word in found):
            raise ValueError
        return tuple(found)

    return Kind("text with words as in a shell, or a list of them", read)


def flag() -> Kind[bool]:
    """Yes or no."""

    def read(value: object) -> bool:
        word = str(value).strip().lower()
        if isinstance(value, float) or word not in TRUE | FALSE:
            raise ValueError
        return word in TRUE

    return Kind("true or false", read)


def one_of(options: type[E]) -> Kind[E]:
    """One of an enumeration's values."""

    def read(value: object) -> E:
        return options(str(value).strip().lower())

    return Kind(" or ".join(f"`{option.value}`" for option in options), read)


def urls() -> Kind[tuple[str, ...]]:
    """Base URLs, each once: text with commas between, or a list."""

    def read(value: object) -> tuple[str, ...]:
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, list | tuple):
            raise ValueError
        found = [_url(part) for part in cast("Sequence[object]", parts) if part != ""]
        return tuple(dict.fromkeys(found))

    return Kind("base URLs such as `http://host:8001`, comma-separated, without user names", read)


def store_url() -> Kind[str]:
    """Where trees are kept: a Redis or Valkey, or this process's memory."""

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError
        url = urlsplit(value.strip())
        if value.strip() != MEMORY_URL and not (url.scheme in REDIS_SCHEMES and (url.netloc or url.path)):
            raise ValueError
        return value.strip()

    return Kind("a URL such as `redis://host:6379/0`, `rediss://host`, `unix:///path`, or `memory://`", read)


def trace_url() -> Kind[str]:
    """Where a trace is shown: a URL with a place for its id."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value.count(TRACE_ID) != 1:
            raise ValueError
        text = value.strip()
        url = urlsplit(text.replace(TRACE_ID, "0" * 32))
        if url.scheme not in {"http", "https"} or not url.hostname or not text.isprintable() or " " in text:
            raise ValueError
        return text

    return Kind("an `http` or `https` URL with `{trace_id}` in it", read)


def table() -> Kind[dict[str, Any]]:
    """A TOML table that can be written as JSON."""

    def read(value: object) -> dict[str, Any]:
        if not isinstance(value, dict) or not _is_json(cast("object", value)):
            raise ValueError
        return cast("dict[str, Any]", value)

    return Kind("a table of texts, finite numbers, booleans, lists and tables", read)


def _url(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return base_url(value.strip())


def _is_json(value: object) -> bool:
    match value:
        case dict():
            return all(map(_is_json, cast("dict[str, object]", value).values()))
        case list():
            return all(map(_is_json, cast("list[object]", value)))
        case float():
            return isfinite(value)
        case _:
            return isinstance(value, str | int)


def _within(value: float, least: float, most: float | None) -> float:
    if not least <= value < inf or (most is not None and value > most):
        raise ValueError
    return value


def _span(least: float, most: float | None) -> str:
    return f"of at least {least:,}" if most is None else f"from {least:,} to {most:,}"
