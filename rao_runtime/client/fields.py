"""Reads fields of a server's JSON. A missing or strange one becomes nothing, never an error."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, cast


def from_json(text: str | bytes) -> object:
    """The value; None for what is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def mapping(value: object) -> Mapping[str, Any]:
    """The object, empty for anything else."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def items(value: object) -> Sequence[object]:
    """The list, empty for anything else."""
    return cast("Sequence[object]", value) if isinstance(value, list) else ()


def text(value: object) -> str:
    """The text, empty for anything else."""
    return value if isinstance(value, str) else ""


def text_or_none(value: object) -> str | None:
    """The text, None for anything else."""
    return value if isinstance(value, str) else None


def integer(value: object) -> int | None:
    """The integer, None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def number(value: object) -> int:
    """The integer, 0 for anything else."""
    return integer(value) or 0


def real(value: object) -> float | None:
    """The number, None for anything else."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def cost(value: object) -> Decimal | None:
    """The amount of a cost; None for a model without a price."""
    return money(mapping(value).get("amount"))


def money(value: object) -> Decimal | None:
    """The decimal in a text, None for anything else."""
    try:
        return Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        return None


def wasted(value: object) -> Decimal | None:
    """What of a cost went to attempts without a result; None where nobody said."""
    return money(mapping(value).get("wasted"))
