"""Somebody who follows a tree through the client library, which does the coming back."""

import asyncio
import random

from rao_runtime.client import AsyncClient, Event
from tests.chaos.sse import Sent


class LibraryFollower:
    """Reads a tree's events to its end; now and then it loses patience with one event, or leaves and comes back."""

    def __init__(self, client: AsyncClient, tree_id: str, *, draw: random.Random) -> None:
        self.tree_id = tree_id
        self.seen = list[Event]()
        self.drops = 0
        self._client = client
        self._draw = draw

    @property
    def has_ended(self) -> bool:
        """Whether it has seen the terminal event."""
        return bool(self.seen) and self.seen[-1].is_end

    async def run(self) -> None:
        """Follow to the end."""
        while not self.has_ended:
            async with self._client.stream(self.tree_id, after=len(self.seen)) as stream:
                while self._draw.random() < 0.98:
                    try:
                        async with asyncio.timeout(self._draw.choice([0.002, 0.1, 5.0])):
                            event = await anext(stream, None)
                    except TimeoutError:
                        continue
                    if event is None:
                        return
                    self._take(event)
            self.drops += 1

    def tells_the_same_as(self, sent: list[Sent]) -> bool:
        """Whether it was told what somebody else was."""
        return [(event.seq, event.line.encode()) for event in self.seen] == [(each.seq, each.data) for each in sent]

    def _take(self, event: Event) -> None:
        expected = len(self.seen) + 1
        assert event.seq == expected, f"tree {self.tree_id}: event {event.seq} ({event.type}) instead of {expected}"
        self.seen.append(event)
