"""The system's clock and its randomness. Nothing else in the runtime reads either."""

import asyncio
import secrets
import time

ALPHABET = (
    "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: sorts like the number, no letter that looks like a digit
)
LENGTH = 26
RANDOM_BITS = 80


class SystemClock:
    """Wall-clock time of this machine."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        await asyncio.sleep(seconds)


def new_tree_id() -> str:
    """A new tree's id: 26 lowercase letters and digits that sort by time, then at random."""
    return tree_id_of(time.time(), secrets.randbits(RANDOM_BITS))


def made_at(tree_id: str) -> int | None:
    """When such an id was made, epoch milliseconds; None for one that is not ours."""
    number = number_of(tree_id)
    return None if number is None else number >> RANDOM_BITS


def number_of(tree_id: str) -> int | None:
    """The number that one of our ids stands for; None for one that is not ours."""
    if len(tree_id) != LENGTH or tree_id[0] not in ALPHABET[:8] or not set(tree_id) <= set(ALPHABET):
        return None
    number = 0
    for letter in tree_id:
        number = number << 5 | ALPHABET.index(letter)
    return number


def id_of(number: int) -> str:
    """The id that stands for a number."""
    return "".join(ALPHABET[number >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5))


def tree_id_of(now: float, entropy: int) -> str:
    """The id made at `now` (epoch seconds) with 80 random bits: a ULID in lowercase."""
    return id_of((int(now * 1000) << RANDOM_BITS) | entropy)
