"""Somebody who follows a tree over a server that keeps dying, with habits of their own."""

import random
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import ClientError, ClientResponse, ClientSession

from tests.chaos.host import Host
from tests.chaos.sse import Sent, SseBytes
from tests.chaos.waits import within

AGAIN_S = 0.03
# With the store away, or another server's streams to end first.
NOT_NOW = {429, 502, 503}


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How a follower reads: hangs up after that many chunks, on average; takes `bytes_at_once` every `pause_s`."""

    drops_after: float | None = None
    bytes_at_once: int = 1 << 16
    pause_s: float = 0.0


STEADY = Habits()


class Follower:
    """Reads a tree's events to its end. What it holds after `run` is what it was told, in this order.

    Raises AssertionError at once for an event that is lost, doubled or out of order.
    """

    def __init__(
        self, session: ClientSession, host: Host, tree_id: str, *, draw: random.Random, habits: Habits = STEADY
    ) -> None:
        self.tree_id = tree_id
        self.seen = list[Sent]()
        self.connections = 0
        self.drops = 0
        self.comments = list[str]()
        self._session = session
        self._host = host
        self._draw = draw
        self._habits = habits

    @property
    def has_ended(self) -> bool:
        """Whether it has seen the terminal event."""
        return bool(self.seen) and self.seen[-1].is_end

    async def run(self) -> None:
        """Follow, as often as it takes."""
        while not self.has_ended:
            await self._host.up.wait()
            with suppress(ClientError, OSError, TimeoutError):
                await self._connect()
            if not self.has_ended:
                await within(AGAIN_S, self._host.down.wait())

    async def is_told_that_it_is_over(self) -> bool:
        """Whether the server says so to somebody who comes back after the last event."""
        async with self._session.get(self._path, headers=self._cursor()) as response:
            return response.status == 204

    @property
    def _path(self) -> str:
        return f"/trees/{self.tree_id}/events"

    def _cursor(self) -> dict[str, str]:
        return {"Last-Event-ID": str(len(self.seen))} if self.seen else {}

    async def _connect(self) -> None:
        async with self._session.get(self._path, headers=self._cursor()) as response:
            if response.status in NOT_NOW:
                return
            assert response.status == 200, f"{response.status} for {self._path} after {len(self.seen)}"
            self.connections += 1
            await self._read(response)

    async def _read(self, response: ClientResponse) -> None:
        reader, habits = SseBytes(self.comments), self._habits
        while chunk := await response.content.read(habits.bytes_at_once):
            for sent in reader.feed(chunk):
                self._take(sent)
            if habits.drops_after and self._draw.random() < 1 / habits.drops_after:
                self.drops += 1
                response.close()
                return
            if habits.pause_s:
                await within(habits.pause_s, self._host.down.wait())

    def _take(self, sent: Sent) -> None:
        expected = len(self.seen) + 1
        assert sent.seq == expected, f"tree {self.tree_id}: event {sent.seq} ({sent.type}) instead of {expected}"
        assert not self.has_ended, f"tree {self.tree_id}: event {sent.seq} after the end"
        self.seen.append(sent)
