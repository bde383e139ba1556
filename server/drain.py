"""The way out: once it starts, whoever waits for a tree stops waiting, so that connections can close."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Drain:
    """A switch that is thrown once."""

    def __init__(self) -> None:
        self.started = False
        self._waits = dict[asyncio.Timeout, None]()

    def start(self) -> None:
        """End every wait, now and from now on."""
        self.started = True
        now = asyncio.get_running_loop().time()
        for wait in self._waits:
            wait.reschedule(now)
        self._waits.clear()

    async def unless_started(self, waiting: Awaitable[T]) -> T | None:
        """The awaited value, or None once the drain has started."""
        scope = asyncio.timeout(0 if self.started else None)
        try:
            async with scope:
                self._waits[scope] = None
                return await waiting
        except TimeoutError:
            if not scope.expired():
                raise
            return None
        finally:
            self._waits.pop(scope, None)
