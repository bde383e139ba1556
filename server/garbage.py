"""When Python looks for cyclic garbage: while nothing runs, and hardly ever while something does.

A full collection walks every object of every tree in memory: with 10,000 nodes parked, single pauses of 3.2 s were
measured, and a fifth of the server's CPU. Young objects are still collected all the time. What a collection leaves is
frozen, so that the next one looks only at what came since; reference counts free most of it in any case.
"""

import asyncio
import gc
from collections.abc import Callable
from dataclasses import dataclass

YOUNG, MIDDLE, NEVER = 10_000, 5, 1_000_000
LOOK_S = 2.0


@dataclass(slots=True)
class Schedule:
    """Decides when a full collection is due. `churn` counts the collections of the middle generation so far."""

    churn: int = 0
    last: float = 0.0
    least_churn: int = 20
    patience_s: float = 1_800.0

    def due(self, now: float, churn: int, *, idle: bool) -> bool:
        """Whether to collect now: enough has changed, and nobody waits, or nobody has had time for too long."""
        if churn - self.churn < self.least_churn:
            return False
        return idle or now - self.last >= self.patience_s

    def done(self, now: float, churn: int) -> None:
        """Note a full collection."""
        self.last, self.churn = now, churn


async def keep_out_of_the_way(is_idle: Callable[[], bool]) -> None:
    """Take the collector's full runs in hand, for as long as this is awaited."""
    loop = asyncio.get_running_loop()
    thresholds = gc.get_threshold()
    gc.set_threshold(YOUNG, MIDDLE, NEVER)
    schedule = Schedule()
    _collect(schedule, loop.time())
    try:
        while True:
            await asyncio.sleep(LOOK_S)
            if schedule.due(loop.time(), _churn(), idle=is_idle()):
                _collect(schedule, loop.time())
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


def _collect(schedule: Schedule, now: float) -> None:
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    schedule.done(now, _churn())


def _churn() -> int:
    return gc.get_stats()[1]["collections"]
