"""The record of every tree, and the way to its owner."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from rao_runtime.core.events import Event, NodeDelta


@dataclass(frozen=True, slots=True)
class Claim:
    """Ownership of a tree: whoever holds the highest fence may write. `last_seq` is the journal's last event."""

    fence: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class Command:
    """What a gateway asks of a tree's owner: `kind` is `cancel`; `node_id` None means the whole tree."""

    kind: str
    node_id: str | None = None


@dataclass(frozen=True, slots=True)
class JournalHealth:
    """What keeps the journal (`memory`, `redis`), whether it takes writes now, and if not, why."""

    kind: str
    ready: bool
    detail: str | None = None


class Journal(Protocol):
    """The append-only record of every tree, and the way to its owner.

    Every call can be repeated: a write whose reply was lost is made once. While the store is in trouble an owner's
    calls wait, everybody else's raise JournalUnavailable.
    """

    async def create(self, tree_id: str, events: Sequence[Event] = ()) -> bool:
        """Make a tree with its first events, before anybody owns it. False, and nothing is changed, where it exists."""
        ...

    async def claim(self, tree_id: str) -> Claim:
        """Become the owner: fence + 1. Raises UnknownTree."""
        ...

    async def append(self, tree_id: str, fence: int, events: Sequence[Event]) -> None:
        """Add events that follow the last one. Raises StaleFence or SequenceConflict, and then nothing was written."""
        ...

    async def read(self, tree_id: str, after: int = 0) -> Sequence[Event]:
        """Events with `seq` over `after`. Raises UnknownTree."""
        ...

    async def last(self, tree_id: str) -> Event | None:
        """The newest event; None where there is none yet. Raises UnknownTree."""
        ...

    def follow(
        self, tree_id: str, after: int = 0, *, deltas: bool = False
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[Event | NodeDelta]]]:
        """Events after `after` in batches, then live ones as they come; never ends by itself. Raises UnknownTree."""
        ...

    def publish(self, delta: NodeDelta) -> None:
        """Offer a delta to whoever follows now. Lost where nobody does."""
        ...

    def wants_deltas(self, tree_id: str) -> bool:
        """Whether anybody follows this tree's deltas, so that nobody computes them in vain."""
        ...

    async def send(self, tree_id: str, command: Command) -> None:
        """Leave a command for the owner, this one or the next. Raises UnknownTree."""
        ...

    def commands(self, tree_id: str) -> AsyncIterator[Command]:
        """Commands in the order they were sent; for the owner. Ends when the tree has another owner, or is gone."""
        ...

    async def delete(self, tree_id: str) -> None:
        """Erase the tree's events. Raises UnknownTree."""
        ...

    def health(self) -> JournalHealth:
        """How the store is doing, as of the last time it was used or probed."""
        ...
