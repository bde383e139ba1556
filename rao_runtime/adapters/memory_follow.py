"""One tree's record in memory, and the two who wait at it: its followers and its owner."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self

from rao_runtime.core.errors import UnknownTree
from rao_runtime.core.events import Event, NodeDelta
from rao_runtime.ports import Command


class Record:
    """What the journal holds of one tree."""

    __slots__ = ("commands", "deleted", "delta_followers", "events", "fence", "followers", "unread")

    def __init__(self) -> None:
        self.fence = 0
        self.events = list[Event]()
        self.unread = deque[Command]()
        self.commands: Commands | None = None
        self.followers = dict[Follower, None]()
        self.delta_followers = 0
        self.deleted = False

    def delete(self) -> None:
        """Forget everything and send everybody away."""
        self.deleted = True
        self.events.clear()
        self.unread.clear()
        for follower in self.followers:
            follower.wake()
        if self.commands is not None:
            self.commands.end()


class Signal:
    """A wake-up for one waiter, remembered by nobody: the waiter looks again at what it waits for."""

    __slots__ = ("_future",)

    def __init__(self) -> None:
        self._future: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        """Until the next `wake`."""
        self._future = asyncio.get_running_loop().create_future()
        try:
            await self._future
        finally:
            self._future = None

    def wake(self) -> None:
        """Let the waiter go on, if there is one."""
        if self._future is not None and not self._future.done():
            self._future.set_result(None)


class Follower:
    """One reader of a tree, as a context and an iterator of batches. `max_deltas` 0 means it wants none."""

    __slots__ = ("_deltas", "_gone", "_position", "_record", "_signal", "_tree_id", "_wants_deltas")

    def __init__(self, tree_id: str, record: Record, after: int, max_deltas: int) -> None:
        self._tree_id = tree_id
        self._record = record
        self._position = max(after, 0)
        self._wants_deltas = max_deltas > 0
        # Beside each delta stands how many events came before it, so that both are read in the order they were written.
        self._deltas = deque[tuple[int, NodeDelta]](maxlen=max_deltas)
        self._signal = Signal()
        self._gone = False

    async def __aenter__(self) -> AsyncIterator[Sequence[Event | NodeDelta]]:
        self._record.followers[self] = None
        self._record.delta_followers += self._wants_deltas
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        del self._record.followers[self]
        self._record.delta_followers -= self._wants_deltas
        self._gone = True
        self.wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Event | NodeDelta]:
        while not self._gone:
            if self._record.deleted:
                raise UnknownTree(self._tree_id)
            batch = self._take()
            if batch:
                return batch
            await self._signal.wait()
        raise StopAsyncIteration

    def wake(self) -> None:
        """There may be something new."""
        self._signal.wake()

    def offer(self, delta: NodeDelta) -> None:
        """Queue a delta where it is wanted; the oldest makes room."""
        if self._wants_deltas:
            self._deltas.append((len(self._record.events), delta))
            self.wake()

    def _take(self) -> list[Event | NodeDelta]:
        events = self._record.events
        batch = list[Event | NodeDelta]()
        while self._deltas:
            before, delta = self._deltas.popleft()
            batch += events[self._position : before]
            batch.append(delta)
            self._position = max(self._position, before)
        batch += events[self._position :]
        self._position = max(self._position, len(events))
        return batch


class Commands:
    """The owner's reading of a tree's commands."""

    __slots__ = ("_ended", "_handed_out", "_record", "_signal")

    def __init__(self, record: Record) -> None:
        self._record = record
        self._signal = Signal()
        self._handed_out = False
        self._ended = False
        if record.commands is not None:
            record.commands.end()
        record.commands = self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Command:
        if self._handed_out and not self._ended:
            self._record.unread.popleft()
        self._handed_out = False
        while not self._ended:
            if self._record.unread:
                self._handed_out = True
                return self._record.unread[0]
            await self._signal.wait()
        raise StopAsyncIteration

    def wake(self) -> None:
        """There may be something new."""
        self._signal.wake()

    def end(self) -> None:
        """Somebody else reads from now on, or nobody."""
        self._ended = True
        self._record.commands = None
        self._signal.wake()
