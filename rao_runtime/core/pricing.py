"""A price sheet turns tokens into money. Knows no currency but the US dollar."""

from dataclasses import dataclass
from decimal import Decimal

from rao_runtime.core.usage import Tokens

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD per million tokens; cached input has its own price. `version` names the sheet on every amount."""

    input: Decimal
    output: Decimal
    cached_input: Decimal
    version: str

    def cost(self, tokens: Tokens) -> Decimal:
        """What these tokens cost, exactly: sums of amounts equal the amount of sums."""
        fresh = tokens.input - tokens.cached
        return (fresh * self.input + tokens.cached * self.cached_input + tokens.output * self.output) / MILLION
