"""The blocks of a KV cache: who holds them, what stands in them, and which is given up first."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Block = bytes | None
"""What a request holds: a block known by its name, or one that nobody else can share."""


@dataclass(frozen=True, slots=True)
class Match:
    """How many leading blocks are in the cache, and how many of them someone holds right now."""

    hits: int
    live: int


class BlockPool:
    """So many blocks. One that is full and has a name stays cached after its holders leave, until its room is needed.

    Blocks that stand empty are taken first, then the cached ones that were released longest ago.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._blank = size
        self._holders: dict[bytes, int] = {}
        self._idle: OrderedDict[bytes, None] = OrderedDict()

    @property
    def free(self) -> int:
        """How many can be taken: empty ones, and cached ones that nobody holds."""
        return self._blank + len(self._idle)

    @property
    def used(self) -> int:
        """How many are held."""
        return self.size - self.free

    def match(self, names: Iterable[bytes]) -> Match:
        """How far these names, in order, are in the cache."""
        hits = live = 0
        for name in names:
            if name in self._holders:
                live += 1
            elif name not in self._idle:
                break
            hits += 1
        return Match(hits, live)

    def share(self, names: Iterable[bytes]) -> None:
        """Hold cached blocks. Raises KeyError for one that is not cached."""
        for name in names:
            if name in self._holders:
                self._holders[name] += 1
            else:
                del self._idle[name]
                self._holders[name] = 1

    def take(self) -> None:
        """Hold a free block, still without a name. Raises ValueError when none is free."""
        if self._blank:
            self._blank -= 1
        elif self._idle:
            self._idle.popitem(last=False)
        else:
            raise ValueError("no block is free")

    def name(self, name: bytes) -> bool:
        """Let a block without a name be found under this one; False where another block has it already."""
        if name in self._holders or name in self._idle:
            return False
        self._holders[name] = 1
        return True

    def release(self, blocks: Sequence[Block]) -> None:
        """Give up a request's blocks. The last ones are the first to go: without them the first are still of use."""
        for block in reversed(blocks):
            if block is None:
                self._blank += 1
            elif self._holders[block] > 1:
                self._holders[block] -= 1
            else:
                del self._holders[block]
                self._idle[block] = None
