"""Values and texts that leave the sandbox: made into JSON, made well-formed, cut to size. Knows nothing of schemas."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

MAX_DEPTH = 200

# Wider integers are refused: orjson, which writes the journal and every answer, cannot write them, and most readers
# of JSON either fail on them or silently round them to a float.
LEAST_INT = -(2**63)
GREATEST_INT = 2**64 - 1

_SHOWN = 60
_PLACE_SHOWN = 200

_ADVICE: Mapping[type, str] = {
    set: "a set, which JSON has not; use sorted(...) or list(...)",
    frozenset: "a frozenset, which JSON has not; use sorted(...) or list(...)",
    bytes: "bytes, which JSON has not; use .decode() or .hex()",
    complex: "a complex number, which JSON has not; use [x.real, x.imag]",
}


@dataclass(frozen=True, slots=True)
class FailedValue:
    """A child that failed or was refused, as a value: the sandbox shows it as an instance of its `Failed` class."""

    reason: str
    message: str


def to_json(value: object, *, what: str = "answer", max_bytes: int = 1 << 20, max_depth: int = MAX_DEPTH) -> JsonValue:
    """A copy of a sandbox value in JSON's types, no part of it shared; tuples become lists.

    `max_bytes` bounds it as compact UTF-8 JSON, `max_depth` its nesting (200 at most). Raises ValueError, in words a
    model can act on, naming the place: `answer['rows'][3]`.
    """
    return _Walk(what, max_bytes, min(max_depth, MAX_DEPTH)).convert(value)


def place(what: str, path: Sequence[str | int]) -> str:
    """Where in a value something is, as one would write it in Python: `answer['rows'][3]`; a long path is cut."""
    steps = "".join(f"[{shown(step)}]" for step in path)
    if len(steps) > _PLACE_SHOWN:
        steps = f"{steps[: _PLACE_SHOWN // 2]}...{steps[-_PLACE_SHOWN // 2 :]}"
    return what + steps


def shown(value: object) -> str:
    """A value in a message: as ASCII and a few words at most, since a text may be a megabyte of anything."""
    match value:
        case str():
            text = ascii(value[: _SHOWN * 2])
        case None | bool() | float():
            text = str(value)
        case int() if value.bit_length() <= 128:
            text = str(value)
        case _:
            return "(...)"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def well_formed(text: str) -> str:
    """The text with lone surrogates replaced by U+FFFD, so that it can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def cut(text: str, limit: int) -> tuple[str, int]:
    """The first and last characters of a text, `limit` of them together, and how many were dropped in between.

    A note in the middle says what was cut; it comes on top of `limit`.
    """
    dropped = len(text) - limit
    if dropped <= 0:
        return text, 0
    tail = limit // 2
    head = limit - tail
    return f"{text[:head]}\n[... {dropped} characters cut here ...]\n{text[len(text) - tail :]}", dropped


class _Walk:
    """One conversion: where it stands, and how many bytes are left.

    Bytes are counted on the way down, so that a cycle or a value that contains one part many times ends early.
    """

    def __init__(self, what: str, max_bytes: int, max_depth: int) -> None:
        self._what = what
        self._max_depth = max_depth
        self._max_bytes = max_bytes
        self._left = max_bytes
        self._path = list[str | int]()

    def convert(self, value: object) -> JsonValue:
        match value:
            case None | bool():
                self._spend(5 if value is False else 4)
                return value
            case str():
                return self._text(value, "")
            case int():
                return self._int(value)
            case float():
                return self._float(value)
            case list() | tuple():
                return self._list(cast("list[object] | tuple[object, ...]", value))
            case dict():
                return self._dict(cast("dict[object, object]", value))
            case _:
                raise self._refusal(value)

    def _list(self, items: list[object] | tuple[object, ...]) -> JsonValue:
        self._enter(len(items))
        converted = list[JsonValue]()
        for index, item in enumerate(items):
            self._path.append(index)
            converted.append(self.convert(item))
            self._path.pop()
        return converted

    def _dict(self, items: dict[object, object]) -> JsonValue:
        self._enter(len(items))
        self._spend(len(items))
        converted = dict[str, JsonValue]()
        for key, item in items.items():
            if not isinstance(key, str):
                raise self._bad(f"has the key {shown(key)}, {_a(key)}; JSON keys are text, use str(key)")
            name = self._text(key, "the key of ")
            self._path.append(name)
            converted[name] = self.convert(item)
            self._path.pop()
        return converted

    def _text(self, text: str, part: str) -> str:
        if len(text) > self._left:
            raise self._too_large()
        try:
            written = json.dumps(text, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise self._bad("holds half of a surrogate pair, which is not valid text", part=part) from None
        self._spend(len(written))
        return text

    def _int(self, value: int) -> int:
        if not LEAST_INT <= value <= GREATEST_INT:
            raise self._bad("is an integer of more than 64 bits, which most readers of JSON cannot take; use str(...)")
        self._spend(len(str(value)))
        return value

    def _float(self, value: float) -> float:
        if not math.isfinite(value):
            raise self._bad(f"is {value}, which JSON has not; use None or text")
        self._spend(len(repr(value)))
        return value

    def _enter(self, items: int) -> None:
        if len(self._path) >= self._max_depth:
            raise self._bad(f"nests more than {self._max_depth} levels deep, or contains itself; make it flatter")
        self._spend(2 + max(0, items - 1))

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise self._too_large()

    def _too_large(self) -> ValueError:
        return ValueError(f"{self._what} is over {self._max_bytes:,} bytes as JSON; make it smaller")

    def _refusal(self, value: object) -> ValueError:
        if isinstance(value, FailedValue):
            return self._bad(
                f"is Failed({shown(value.reason)}, {shown(value.message)}): a child that gave no answer; "
                "leave it out (isinstance(x, Failed) tells) or do its part another way"
            )
        fallback = f"{_a(value)}; only None, bool, int, float, str, list and dict can be handed over"
        return self._bad(f"is {_ADVICE.get(type(value), fallback)}")

    def _bad(self, problem: str, *, part: str = "") -> ValueError:
        return ValueError(f"{part}{place(self._what, self._path)} {problem}")


def _a(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
