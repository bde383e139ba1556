"""Reads fields of a server's JSON, as the client library does, and what events write in another way than trees."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rao_runtime.client import fields
from rao_runtime.client.fields import items, mapping, number, text, wasted
from rao_runtime.client.fields import real as seconds

__all__ = ["Json", "cost", "items", "mapping", "number", "seconds", "text", "wasted"]

Json = Mapping[str, Any]


def cost(value: object) -> Decimal | None:
    """The amount of a cost (an object with an `amount`, or the amount itself); None for a model without a price."""
    return fields.cost({"amount": value} if isinstance(value, str) else value)
