"""Fields whose values are JSON of the client's own making, and the bounds that keep them harmless."""

import math
from collections.abc import Collection
from typing import Annotated, Any, cast

from pydantic import AfterValidator, WithJsonSchema

from server.rendering import encode

MAX_DEPTH = 32
MAX_METADATA_BYTES = 16 << 10
MAX_SCHEMA_BYTES = 64 << 10
INT64 = 2**63


def _bounded(value: object, max_bytes: int) -> None:
    """Raises ValueError for a value too deep, too large, or with a number that not every JSON reader takes."""
    todo, met = [(value, 1)], 1
    while todo:
        each, depth = todo.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
        inner = _inner(each)
        met += len(inner)
        # A value takes a byte at least: millions of them need not be looked at.
        if met > max_bytes:
            break
        todo += [(nested, depth + 1) for nested in inner]
    if met > max_bytes or len(encode(value)) > max_bytes:
        raise ValueError(f"it has more than {max_bytes} bytes as JSON")


def _inner(value: object) -> Collection[object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    if isinstance(value, list):
        return cast("list[object]", value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("it holds a number that is not finite")
    if isinstance(value, int) and not -INT64 <= value < INT64:
        raise ValueError("it holds an integer of more than 64 bits")
    return ()


def _metadata(value: dict[str, Any]) -> dict[str, Any]:
    _bounded(value, MAX_METADATA_BYTES)
    return value


def _answer_schema(value: object) -> object:
    if value is not None and not isinstance(value, dict | bool):
        raise ValueError("it must be a JSON Schema: an object, true or false")
    _bounded(cast("object", value), MAX_SCHEMA_BYTES)
    return cast("object", value)


def _context(value: object) -> object:
    """One message whatever is wrong, so that a million wrong texts do not become a million errors."""
    match value:
        case None | str():
            return value
        case list() if all(isinstance(text, str) for text in cast("list[object]", value)):
            return cast("object", value)
        case dict() if all(isinstance(text, str) for text in cast("dict[str, object]", value).values()):
            return cast("object", value)
        case _:
            raise ValueError("it must be a text, a list of texts, or an object of named texts")


Metadata = Annotated[dict[str, Any], AfterValidator(_metadata)]

AnswerSchema = Annotated[
    Any,
    AfterValidator(_answer_schema),
    WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "boolean"}, {"type": "null"}]}),
]

Texts = Annotated[
    Any,
    AfterValidator(_context),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": {"type": "string"}},
                {"type": "null"},
            ]
        }
    ),
]
