"""One follower of a tree: events and deltas in the order they were written."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

from rao_runtime.adapters.redis_feed import Feed
from rao_runtime.adapters.redis_reading import Pace
from rao_runtime.core.errors import UnknownTree
from rao_runtime.core.events import Event, NodeDelta

Join = Callable[["Follower"], Awaitable[Feed]]
Leave = Callable[["Follower", Feed], None]


class Follower:
    """A context and an iterator of batches, after `position`. `max_deltas` 0 means it wants none.

    `join` gives it the tree's feed, or raises UnknownTree; `leave` takes it off again.
    """

    __slots__ = (
        "_deltas",
        "_feed",
        "_join",
        "_leave",
        "_left",
        "_news",
        "_pace",
        "_position",
        "tree_id",
        "wants_deltas",
    )

    def __init__(self, tree_id: str, after: int, max_deltas: int, join: Join, leave: Leave) -> None:
        self.tree_id = tree_id
        self.wants_deltas = max_deltas > 0
        self._position = max(after, 0)
        # Beside each delta stands how many events came before it, so that both are read in the order they were written.
        self._deltas = deque[tuple[int, NodeDelta]](maxlen=max_deltas)
        self._join = join
        self._leave = leave
        self._feed: Feed | None = None
        self._left = False
        self._pace = Pace()
        self._news = asyncio.Event()

    async def __aenter__(self) -> AsyncIterator[Sequence[Event | NodeDelta]]:
        self._feed = await self._join(self)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._left = True
        if self._feed is not None:
            self._leave(self, self._feed)
        self.wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Event | NodeDelta]:
        while self._feed is not None and not self._left:
            if self._feed.gone:
                raise UnknownTree(self.tree_id)
            self._news.clear()
            batch = await self._take(self._feed)
            if batch:
                return batch
            await self._news.wait()
        raise StopAsyncIteration

    def wake(self) -> None:
        """There may be something new."""
        self._news.set()

    def offer(self, before: int, delta: NodeDelta) -> None:
        """Queue a delta where it is wanted; the oldest makes room."""
        if self.wants_deltas:
            self._deltas.append((before, delta))
            self._news.set()

    async def _take(self, feed: Feed) -> list[Event | NodeDelta]:
        events = await feed.after(self._position, self._pace)
        if self.wants_deltas:
            # After the events: a delta written before one of them is there by now.
            await feed.read_deltas()
        return self._merge(events)

    def _merge(self, events: Sequence[Event]) -> list[Event | NodeDelta]:
        """Nothing here awaits: a batch is either handed out whole or not taken."""
        start = self._position
        last = events[-1].seq if events else start
        batch = list[Event | NodeDelta]()
        while self._deltas and self._deltas[0][0] <= last:
            before, delta = self._deltas.popleft()
            batch += events[self._position - start : max(before - start, 0)]
            batch.append(delta)
            self._position = max(self._position, before)
        batch += events[self._position - start :]
        self._position = max(self._position, last)
        return batch
