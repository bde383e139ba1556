"""Kinds of values: how each is read from text or TOML, and how it is described."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from math import inf, isfinite
from typing import Any, Generic, TypeVar, cast
from urllib.parse import urlsplit

from rao_runtime.config.base_url import base_url

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

TRUE, FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})

REDIS_SCHEMES = frozenset({"redis", "rediss", "unix"})
MEMORY_URL = "memory://"


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


def money() -> Kind[Decimal]:
    """An amount in USD, exactly as written."""

    def read(value: object) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            raise ValueError from None
        if not amount.is_finite() or amount < 0:
            raise ValueError
        return amount

    return Kind("an amount in USD, such as 0.15", read)


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
