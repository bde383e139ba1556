"""Amounts of a block of the ledger: where one price sheet explains them all, its prices are written, and no amount."""

from collections.abc import Sequence
from fractions import Fraction

from rao_runtime.adapters.ledger_bits import BitReader, BitWriter

MODE_BITS = 2
UNPRICED, BY_PRICE, ONE_BY_ONE = range(3)

# What an attempt is priced by: fresh input, cached input, output, microseconds of a GPU.
Quantities = tuple[int, int, int, int]
KINDS = 4


def write_amounts(bits: BitWriter, amounts: Sequence[int | None], used: Sequence[Quantities]) -> None:
    """Write them; `used` has to be known when they are read."""
    if all(amount is None for amount in amounts):
        bits.bits(UNPRICED, MODE_BITS)
        return
    prices = _prices(amounts, used)
    if prices is None:
        bits.bits(ONE_BY_ONE, MODE_BITS)
        bits.column([0 if amount is None else 1 + amount for amount in amounts])
    else:
        bits.bits(BY_PRICE, MODE_BITS)
        bits.column(prices)


def read_amounts(bits: BitReader, used: Sequence[Quantities]) -> list[int | None]:
    """The amounts, in 1e-12 USD. Raises ValueError."""
    mode = bits.bits(MODE_BITS)
    if mode == UNPRICED:
        return [None] * len(used)
    if mode == BY_PRICE:
        prices = bits.column(KINDS)
        return [_amount(prices, each) for each in used]
    return [None if not amount else amount - 1 for amount in bits.column(len(used))]


def _amount(prices: Sequence[int], used: Quantities) -> int:
    return sum(price * quantity for price, quantity in zip(prices, used, strict=True))


def _prices(amounts: Sequence[int | None], used: Sequence[Quantities]) -> list[int] | None:
    """Whole prices, from 0 on, that give all these amounts; None where none were found. What is not used costs 0."""
    equations = dict[int, list[Fraction]]()
    for amount, quantities in zip(amounts, used, strict=True):
        if amount is None:
            return None
        if len(equations) < KINDS:
            _reduce(equations, [*map(Fraction, quantities), Fraction(amount)])
    solved = [Fraction(0)] * KINDS
    for kind, row in sorted(equations.items(), reverse=True):
        known = sum((row[other] * solved[other] for other in range(kind + 1, KINDS)), Fraction(0))
        solved[kind] = row[KINDS] - known
    prices = [int(price) for price in solved]
    told = all(_amount(prices, each) == amount for amount, each in zip(amounts, used, strict=True))
    return prices if told and min(prices) >= 0 else None


def _reduce(equations: dict[int, list[Fraction]], row: list[Fraction]) -> None:
    """Add an equation, unless it follows from those there are; each is kept under its first unknown."""
    for kind in range(KINDS):
        if row[kind]:
            if kind not in equations:
                equations[kind] = [value / row[kind] for value in row]
                return
            factor, held = row[kind], equations[kind]
            row = [value - factor * other for value, other in zip(row, held, strict=True)]
