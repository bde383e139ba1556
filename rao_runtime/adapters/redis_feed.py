"""What this process knows of one tree that is followed here: read from Redis once, for all its followers."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from rao_runtime.adapters import redis_journal_scripts as scripts
from rao_runtime.adapters.redis_events import decode_delta
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.adapters.redis_reading import Pace, read_events
from rao_runtime.core.events import Event, NodeDelta

MAX_RECENT = 1_000


class FeedListener(Protocol):
    """A follower, as its feed sees it."""

    @property
    def wants_deltas(self) -> bool:
        """Whether it asked for deltas."""
        ...

    def wake(self) -> None:
        """There may be something new."""
        ...

    def offer(self, before: int, delta: NodeDelta) -> None:
        """A delta, written when there were `before` events."""
        ...


class Feed:
    """The newest events of a tree, and who waits for more.

    `last_seq` is the newest event known to be in the journal; `coming` the one that this process is writing itself, and
    so need not be read. `followed_deltas` counts the followers that want deltas.
    """

    def __init__(self, link: RedisLink, tree_id: str) -> None:
        self.tree_id = tree_id
        self.keys = link.keys.tree(tree_id)
        self.last_seq = 0
        self.coming = 0
        self.gone = False
        self.followers = dict[FeedListener, None]()
        self.followed_deltas = 0
        self.reads_deltas = True
        self._link = link
        self._recent = deque[Event](maxlen=MAX_RECENT)
        self._delta_id = b"0-0"
        self._unsure = False
        self._news = 0
        self._news_of_deltas = True
        self._reading = asyncio.Lock()
        self._reading_deltas = asyncio.Lock()

    async def look(self) -> bool:
        """Find out where the tree stands; False where there is no such tree."""
        news = self._news
        head = await self._link.run(scripts.HEAD, [self.keys.meta, self.keys.deltas], ())
        if head is None:
            self.go()
            return False
        seq, delta_id = head
        # Less than was known, where Redis has lost something; but not what came in while this answer was on its way.
        self._stand_at(seq if news == self._news else max(seq, self.last_seq))
        self._news_of_deltas = True
        if not self.followed_deltas:
            self._delta_id = delta_id
        return True

    def hear(self, message: bytes | None) -> None:
        """News from Redis: the newest seq, `delta`, `gone`, or None where some may have been missed."""
        if message == b"gone":
            self.go()
        elif message is None:
            self._unsure = True
        elif message == b"delta":
            self._news_of_deltas = True
        elif (seq := int(message)) > self.coming:
            self._news += 1
            self.last_seq = max(self.last_seq, seq)
        else:
            return
        self.wake()

    def push(self, events: Sequence[Event]) -> None:
        """Events that this process has written; they are in the journal now."""
        if events:
            self._extend(events)
            self._news += 1
            self.last_seq = max(self.last_seq, events[-1].seq)
            self.wake()

    def offer(self, before: int, delta: NodeDelta) -> None:
        """A delta that this process has published."""
        for follower in self.followers:
            follower.offer(before, delta)

    def go(self) -> None:
        """The tree is gone."""
        self.gone = True
        self.wake()

    def wake(self) -> None:
        """Have every follower look again."""
        for follower in self.followers:
            follower.wake()

    async def after(self, position: int, pace: Pace) -> Sequence[Event]:
        """Events after `position`, some if not all; none where there are none yet. Raises JournalUnavailable."""
        await self._make_sure()
        if position >= self.last_seq:
            return ()
        if (recent := self._since(position)) is not None:
            return recent
        async with self._reading:
            # Whoever was first may have read what the others wait for.
            if (recent := self._since(position)) is not None:
                return recent
            # No further than was heard of: deltas published before those events have been heard of, too.
            events = await read_events(self._link, self.tree_id, position, self.last_seq, pace)
            if not events:
                await self.look()
            self._extend(events)
            return events

    async def read_deltas(self) -> None:
        """Hand the followers the deltas that another process has published since the last time."""
        if not self.reads_deltas or not self._news_of_deltas:
            return
        async with self._reading_deltas:
            if not self._news_of_deltas:
                return
            self._news_of_deltas = False
            try:
                entries = await self._link.call("XRANGE", self.keys.deltas, b"(" + self._delta_id, "+")
            except BaseException:
                self._news_of_deltas = True
                raise
            for entry_id, (_, before, name, value) in entries:
                self._delta_id = entry_id
                self.offer(int(before), decode_delta(self.tree_id, name, value))

    def _stand_at(self, seq: int) -> None:
        if seq != self.last_seq:
            self.last_seq = seq
            self.wake()

    async def _make_sure(self) -> None:
        if self._unsure:
            self._unsure = False
            try:
                await self.look()
            except BaseException:
                self._unsure = True
                raise

    def _since(self, position: int) -> Sequence[Event] | None:
        if not self._recent or not self._recent[0].seq <= position + 1 <= self._recent[-1].seq:
            return None
        skipped = position + 1 - self._recent[0].seq
        return list(self._recent)[skipped:]

    def _extend(self, events: Sequence[Event]) -> None:
        """Keep them as the newest, where they follow on what is kept or go beyond it."""
        if not events or (self._recent and events[-1].seq <= self._recent[-1].seq):
            return
        if self._recent and events[0].seq != self._recent[-1].seq + 1:
            self._recent.clear()
        self._recent.extend(events)
