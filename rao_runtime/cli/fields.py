"""Reads fields of a server's JSON. A missing or strange one becomes nothing, never an error."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, cast

Json = Mapping[str, Any]


def mapping(value: object) -> Json:
    """The object, empty for anything else."""
    return cast("Json", value) if isinstance(value, Mapping) else {}


def items(value: object) -> Sequence[object]:
    """The list, empty for anything else."""
    return cast("Sequence[object]", value) if isinstance(value, list) else ()


def number(value: object) -> int:
    """The integer, 0 for anything else."""
    return value if isinstance(value, int) else 0


def text(value: object) -> str:
    """The text, empty for anything else."""
    return value if isinstance(value, str) else ""


def seconds(value: object) -> float | None:
    """The number, None for anything else."""
    return float(value) if isinstance(value, int | float) else None


def cost(value: object) -> Decimal | None:
    """The amount of a cost (an object with an `amount`, or the amount itself); None for a model without a price."""
    amount = value if isinstance(value, str) else mapping(value).get("amount")
    try:
        return Decimal(amount) if isinstance(amount, str) else None
    except InvalidOperation:
        return None
