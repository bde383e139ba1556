"""The journal in this process's memory: one list of events a tree, and the people who follow it.

Nothing here awaits between a check and its write, so the event loop itself makes every step atomic. A follower or owner
that waits is one future; whoever writes completes it. No task, no polling.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager

from rao_runtime.adapters.memory_follow import Commands, Follower, Record
from rao_runtime.core.errors import SequenceConflict, StaleFence, UnknownTree
from rao_runtime.core.events import Event, NodeDelta
from rao_runtime.ports import Claim, Command, JournalHealth

MAX_DELTAS = 1_000


class MemoryJournal:
    """`ports.Journal` for one process. A tree exists until it is deleted.

    `max_deltas` bounds what a slow follower of deltas leaves unread: the oldest are dropped, events never.
    """

    def __init__(self, *, max_deltas: int = MAX_DELTAS) -> None:
        self._records = dict[str, Record]()
        self._max_deltas = max_deltas

    async def create(self, tree_id: str, events: Sequence[Event] = ()) -> bool:
        """Make a tree with its first events. False, and nothing is changed, where it exists."""
        if tree_id in self._records:
            return False
        record = Record()
        record.events.extend(_following(tree_id, 0, events))
        self._records[tree_id] = record
        return True

    async def claim(self, tree_id: str) -> Claim:
        """Become the owner: fence + 1. The former owner's `commands` end. Raises UnknownTree."""
        record = self._record(tree_id)
        record.fence += 1
        if record.commands is not None:
            record.commands.end()
        return Claim(record.fence, len(record.events))

    async def append(self, tree_id: str, fence: int, events: Sequence[Event]) -> None:
        """Add events that follow the last one. Raises StaleFence or SequenceConflict, and then nothing was written."""
        record = self._records.get(tree_id)
        if record is None or fence != record.fence:
            raise StaleFence(f"fence {fence} of tree {tree_id} is not in force")
        record.events.extend(_following(tree_id, len(record.events), events))
        for follower in record.followers:
            follower.wake()

    async def read(self, tree_id: str, after: int = 0) -> Sequence[Event]:
        """Events with `seq` over `after`. Raises UnknownTree."""
        return self._record(tree_id).events[max(after, 0) :]

    async def last(self, tree_id: str) -> Event | None:
        """The newest event; None where there is none yet. Raises UnknownTree."""
        events = self._record(tree_id).events
        return events[-1] if events else None

    def follow(
        self, tree_id: str, after: int = 0, *, deltas: bool = False
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[Event | NodeDelta]]]:
        """Events after `after` in batches, then live ones as they come.

        Raises UnknownTree at once, and from the iterator when the tree is deleted.
        """
        return Follower(tree_id, self._record(tree_id), after, self._max_deltas if deltas else 0)

    def publish(self, delta: NodeDelta) -> None:
        """Offer a delta to whoever follows now. Lost where nobody does."""
        record = self._records.get(delta.tree_id)
        if record is not None and record.delta_followers:
            for follower in record.followers:
                follower.offer(delta)

    def wants_deltas(self, tree_id: str) -> bool:
        """Whether anybody follows this tree's deltas, so that nobody computes them in vain."""
        record = self._records.get(tree_id)
        return record is not None and record.delta_followers > 0

    async def send(self, tree_id: str, command: Command) -> None:
        """Leave a command for the owner, this one or the next. Raises UnknownTree."""
        record = self._record(tree_id)
        record.unread.append(command)
        if record.commands is not None:
            record.commands.wake()

    def commands(self, tree_id: str) -> AsyncIterator[Command]:
        """Commands in the order they were sent; for the owner. Raises UnknownTree.

        A command counts as read once the next one is asked for: an owner that dies over one leaves it to its heir. The
        iterator ends when somebody else claims the tree or listens, or the tree is deleted.
        """
        return Commands(self._record(tree_id))

    async def delete(self, tree_id: str) -> None:
        """Erase the tree's events, and end those who follow it. Raises UnknownTree."""
        self._record(tree_id).delete()
        del self._records[tree_id]

    def health(self) -> JournalHealth:
        """Always well."""
        return JournalHealth("memory", ready=True)

    def _record(self, tree_id: str) -> Record:
        try:
            return self._records[tree_id]
        except KeyError:
            raise UnknownTree(tree_id) from None


def _following(tree_id: str, seq: int, events: Sequence[Event]) -> Sequence[Event]:
    for expected, event in enumerate(events, seq + 1):
        if event.seq != expected:
            raise SequenceConflict(f"tree {tree_id} expects event {expected}, not {event.seq}")
    return events
