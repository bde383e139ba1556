"""Batches of examples, each from a seed and its number alone.

Examples come in pools; a pool is sorted by length and cut into groups of about the same length. A batch is several
groups drawn at random: examples of one length are often of one role, and a batch of one role teaches the others away.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from training.examples import Example, example

POOL_BATCHES = 32
GROUPS = 4
# Torch prepares its kernels for each shape anew, and keeps them.
ROUND = 16


@dataclass(frozen=True, slots=True)
class Encoded:
    """A conversation's tokens, and which of them the model is to write."""

    tokens: Sequence[int]
    written: Sequence[bool]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of tokens after the system prompt, and which of them are to be written; padded to one length."""

    tokens: Sequence[Sequence[int]]
    written: Sequence[Sequence[bool]]


def batches(encode: Callable[[Example], Encoded], seed: int, rows: int, *, start: int = 0) -> Iterator[Sequence[Batch]]:
    """The batches of a seed from number `start` on, without end: each is its groups, from short to long.

    `rows` is a multiple of GROUPS; `encode` gives an example's tokens.
    """
    size = rows // GROUPS
    for pool in count(start // POOL_BATCHES):
        first = pool * POOL_BATCHES * rows
        drawn = [encode(example(seed, first + number)) for number in range(POOL_BATCHES * rows)]
        drawn.sort(key=lambda each: len(each.tokens))
        order = random.Random(f"{seed}/{pool}").sample(range(POOL_BATCHES * GROUPS), POOL_BATCHES * GROUPS)
        for batch in range(max(0, start - pool * POOL_BATCHES), POOL_BATCHES):
            numbers = sorted(order[batch * GROUPS : (batch + 1) * GROUPS])
            yield [padded(drawn[number * size : (number + 1) * size]) for number in numbers]


def shared(groups: Sequence[Batch], part: int, parts: int) -> Sequence[Batch]:
    """One worker's groups of a batch: a long one goes with a short one, so that none has to wait for another."""
    half = GROUPS // 2
    pairs = [(groups[at], groups[GROUPS - 1 - at]) for at in range(half)]
    return [group for pair in pairs[part::parts] for group in pair]


def padded(rows: Sequence[Encoded], *, last_turn: bool = False) -> Batch:
    """Rows of one length, a multiple of ROUND; `last_turn` counts only each one's last turn as to be written."""
    longest = -(-max(len(each.tokens) for each in rows) // ROUND) * ROUND
    tokens = [[*each.tokens, *[0] * (longest - len(each.tokens))] for each in rows]
    written = [_last(each.written) if last_turn else each.written for each in rows]
    return Batch(tokens, [[*each, *[False] * (longest - len(each))] for each in written])


def _last(written: Sequence[bool]) -> Sequence[bool]:
    """Only the run of True at the end."""
    first = len(written) - next(at for at, each in enumerate(reversed(written)) if not each)
    return [at >= first for at in range(len(written))]
