"""Who may use the engine now: so many at a time, the others by priority, then in the order they came."""

import asyncio
import heapq
from itertools import count


class Turns:
    """Slots of one engine, in one event loop."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._arrivals = count()
        self._waiting = list[tuple[int, int, asyncio.Future[None]]]()

    async def take(self, priority: int) -> None:
        """Wait for a slot; lower priorities go first. Give it back with `give`."""
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._arrivals), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.give()
            raise

    def give(self) -> None:
        """Give a slot back: the next one has it."""
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
