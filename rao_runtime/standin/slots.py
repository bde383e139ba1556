"""Places in the running batch, and the queue before them."""

import asyncio
import heapq
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from typing import Protocol


class QueueFull(Exception):
    """No slot is free and no more may wait."""


class Seat(Protocol):
    """A request's place in the running batch, as long as it has one."""

    async def ready(self) -> float:
        """Wait until the next token can be produced; since when, in seconds of `time.monotonic`."""
        ...

    def grow(self, tokens: int) -> bool:
        """Make room for so many tokens of completion; False when the place was lost: wait until `ready`, begin anew."""
        ...


class KeptSeat:
    """A place that nobody can take away, with room for anything."""

    async def ready(self) -> float:
        """It is."""
        return time.monotonic()

    def grow(self, tokens: int) -> bool:  # noqa: ARG002 - the protocol's
        """There is room."""
        return True


class Slots:
    """So many requests at once. The others wait: lower priority first, then first come, first served.

    A waiting request never displaces a running one, as with vLLM.
    """

    def __init__(self, size: int, queue_limit: int | None) -> None:
        self._size = size
        self._queue_limit = queue_limit
        self._taken = 0
        self._arrivals = count()
        self._queue: list[tuple[int, int, asyncio.Future[None]]] = []

    def resize(self, size: int, queue_limit: int | None) -> None:
        """Change the numbers; requests beyond a smaller size run to their end."""
        self._size = size
        self._queue_limit = queue_limit
        self._hand_out()

    def check_room(self) -> None:
        """Raises QueueFull when no slot is free and the queue is at its limit."""
        if self._taken < self._size or self._queue_limit is None:
            return
        if self.waiting >= self._queue_limit:
            raise QueueFull

    @property
    def waiting(self) -> int:
        """How many are in the queue."""
        return sum(not turn.done() for _, _, turn in self._queue)

    @asynccontextmanager
    async def hold(self, priority: int) -> AsyncGenerator[None]:
        """Wait for a slot, however long the queue, and keep it for the block."""
        await self._acquire(priority)
        try:
            yield
        finally:
            self._taken -= 1
            self._hand_out()

    async def _acquire(self, priority: int) -> None:
        if self._taken < self._size:
            self._taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (priority, next(self._arrivals), turn))
        try:
            await turn
        except asyncio.CancelledError:
            # A slot handed over in the same moment would be lost with its taker.
            if turn.done() and not turn.cancelled():
                self._taken -= 1
                self._hand_out()
            raise

    def _hand_out(self) -> None:
        while self._queue and self._taken < self._size:
            turn = heapq.heappop(self._queue)[2]
            if not turn.done():
                self._taken += 1
                turn.set_result(None)
