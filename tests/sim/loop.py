"""Event loops in virtual time: waiting costs nothing, and the same seed gives the same run.

`SimLoop` only replaces waiting by moving its clock; what varies between seeds is the latency that the fakes draw.
`ShuffledLoop` is the explorer: it also draws the order in which callbacks that are ready at the same time are run.
"""

import asyncio
import random
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

# A run that goes on this long without time passing turns in a circle.
MOST_STEPS_AT_ONCE = 200_000


class Deadlock(RuntimeError):
    """Every task is blocked and no timer is pending, or time stands still."""


class _Timer(selectors.SelectSelector):
    """A selector that never waits: it moves the clock instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._standing = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("every task is blocked and no timer is pending")
        if timeout > 0:
            self.now += timeout
            self._standing = 0
        else:
            self._standing += 1
            if self._standing > MOST_STEPS_AT_ONCE:
                raise Deadlock(f"time stands still at {self.now}")
        return []


class SimLoop(asyncio.SelectorEventLoop):
    """A loop whose time passes only when nothing else can happen."""

    def __init__(self) -> None:
        self._timer = _Timer()
        super().__init__(self._timer)

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._timer.now


class ShuffledLoop(SimLoop):
    """Runs one ready callback a step, drawn from a seed."""

    # Two names of asyncio's own, not public but there in 3.11 to 3.14: what is ready, and one step.
    _ready: deque[asyncio.Handle]
    _run_once: Callable[[], None]

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)
        self._step = self._run_once
        self._run_once = self._run_one

    def _run_one(self) -> None:
        ready = self._ready
        if len(ready) < 2:
            self._step()
            return
        ready.rotate(-self._random.randrange(len(ready)))
        held = [ready.pop() for _ in range(len(ready) - 1)]
        self._step()
        ready.extendleft(held)


def simulate(main: Callable[[], Coroutine[Any, Any, T]], *, shuffle: int | None = None) -> T:
    """Run `main` to its end in virtual time. `shuffle` is the explorer's seed; None leaves asyncio's own order."""
    make = SimLoop if shuffle is None else lambda: ShuffledLoop(shuffle)
    with asyncio.Runner(loop_factory=make) as runner:
        return runner.run(main())
