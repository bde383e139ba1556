"""What attempts came to in sum: tokens and money together."""

from dataclasses import dataclass
from decimal import Decimal

from rao_runtime.core.usage import Usage

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Spent:
    """A sum over attempts. `wasted` is the part of `cost` (USD) that went to attempts without a result."""

    usage: Usage = Usage()
    cost: Decimal = ZERO
    wasted: Decimal = ZERO

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.usage + other.usage, self.cost + other.cost, self.wasted + other.wasted)
