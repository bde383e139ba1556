"""Time."""

from typing import Protocol


class Clock(Protocol):
    """Time. In a simulation it is virtual; nothing else in the engine reads a clock."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long, in this clock's time."""
        ...
