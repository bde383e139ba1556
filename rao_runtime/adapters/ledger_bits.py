"""Columns of whole numbers in few bits: each number less the column's least, in the code that suits the column best.

A column's first bit says whether any number is not 0. Then its head says how it goes on: 0, all numbers are the least;
else 1 + k, and whether in Rice's code (a quotient in unary, a remainder of k bits) or in exponential Golomb code of
order k, which takes outliers better. Bits are kept as a text of 0 and 1: Python reads and writes those faster than it
shifts.
"""

from collections.abc import Sequence

HEAD_BITS = 6
LARGEST_K = 62
# A quotient in unary is never longer: one outlier must not fill a block.
LONGEST_UNARY = 64


class BitWriter:
    """Collects bits."""

    def __init__(self) -> None:
        self._parts = list[str]()

    def bits(self, value: int, width: int) -> None:
        """A number from 0 on, in so many bits."""
        if width:
            self._parts.append(f"{value:0{width}b}")

    def number(self, value: int, k: int = 3) -> None:
        """A number from 0 on, without a bound."""
        self._parts.append(_golomb(value, k))

    def text(self, text: str) -> None:
        """A text, whatever is in it."""
        data = text.encode("utf-8", "surrogatepass")
        self.number(len(data))
        self.bits(int.from_bytes(data), 8 * len(data))

    def column(self, values: Sequence[int]) -> None:
        """Numbers, negative ones too. Their count is not written."""
        if not values:
            return
        self.bits(any(values), 1)
        if not any(values):
            return
        least = min(values)
        self.number(_zigzag(least))
        rest = [value - least for value in values]
        if not any(rest):
            self.bits(0, HEAD_BITS)
            return
        k, rice = _best(rest)
        self.bits(1 + k, HEAD_BITS)
        self.bits(rice, 1)
        self._parts += [_rice(value, k) if rice else _golomb(value, k) for value in rest]

    def bytes(self) -> bytes:
        """All of it, filled up with zeros."""
        text = "".join(self._parts)
        size = -(-len(text) // 8)
        return int(text.ljust(8 * size, "0") or "0", 2).to_bytes(size)


class BitReader:
    """Reads what BitWriter wrote, in the same order. Raises ValueError where that is not so."""

    def __init__(self, data: bytes) -> None:
        self._text = f"{int.from_bytes(data):0{8 * len(data)}b}" if data else ""
        self._at = 0

    def bits(self, width: int) -> int:
        """A number of so many bits."""
        if not width:
            return 0
        start, self._at = self._at, self._at + width
        if self._at > len(self._text):
            raise ValueError("the block ends too soon")
        return int(self._text[start : self._at], 2)

    def number(self, k: int = 3) -> int:
        """A number without a bound."""
        zeros = self._text.index("1", self._at) - self._at
        self._at += zeros
        return (self.bits(zeros + 1) - 1 << k) + self.bits(k)

    def text(self) -> str:
        """A text."""
        size = self.number()
        return self.bits(8 * size).to_bytes(size).decode("utf-8", "surrogatepass")

    def column(self, count: int) -> list[int]:
        """So many numbers."""
        if not count:
            return []
        if not self.bits(1):
            return [0] * count
        least = _unzigzag(self.number())
        head = self.bits(HEAD_BITS)
        if not head:
            return [least] * count
        k, read = head - 1, self._rice if self.bits(1) else self.number
        return [least + read(k) for _ in range(count)]

    def _rice(self, k: int) -> int:
        ones = self._text.index("0", self._at) - self._at
        self._at += ones + 1
        return (ones << k) + self.bits(k)


def _rice(value: int, k: int) -> str:
    return "1" * (value >> k) + "0" + (f"{value & (1 << k) - 1:0{k}b}" if k else "")


def _golomb(value: int, k: int) -> str:
    quotient = (value >> k) + 1
    head = "0" * (quotient.bit_length() - 1) + f"{quotient:b}"
    return head + (f"{value & (1 << k) - 1:0{k}b}" if k else "")


def _best(values: Sequence[int]) -> tuple[int, bool]:
    """The order and the code with the fewest bits: a k near the size of the mean, or of the number in the middle."""
    middles = sum(values) // len(values), sorted(values)[len(values) // 2]
    sizes = {min(middle.bit_length(), LARGEST_K) for middle in middles}
    orders = {k for size in sizes for k in range(max(0, size - 3), min(LARGEST_K, size + 1) + 1)}
    costs = [(_golomb_bits(values, k), k, False) for k in orders]
    costs += [(_rice_bits(values, k), k, True) for k in orders if max(values) >> k <= LONGEST_UNARY]
    _, k, rice = min(costs)
    return k, rice


def _rice_bits(values: Sequence[int], k: int) -> int:
    return sum(value >> k for value in values) + (1 + k) * len(values)


def _golomb_bits(values: Sequence[int], k: int) -> int:
    return sum(2 * ((value >> k) + 1).bit_length() - 1 + k for value in values)


def _zigzag(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1


def _unzigzag(value: int) -> int:
    return value // 2 if value % 2 == 0 else -(value + 1) // 2
