"""The ports around an engine, made slow by a seed: every wait is a chance for something else to come first."""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from rao_runtime.adapters.memory_blobs import MemoryBlobs
from rao_runtime.adapters.memory_index import MemoryIndex
from rao_runtime.adapters.memory_journal import MemoryJournal
from rao_runtime.core.events import Event
from rao_runtime.ports import (
    CellLimits,
    Claim,
    Clock,
    Host,
    Outcome,
    Raise,
    Return,
    Sandbox,
    Session,
    SessionSpec,
)


class Lag:
    """Waits of up to `most_s`, often none; 0 means that nothing ever waits."""

    def __init__(self, clock: Clock, most_s: float, draw: random.Random) -> None:
        self.clock = clock
        self._most_s = most_s
        self._draw = draw

    async def __call__(self) -> None:
        if self._most_s and self._draw.random() < 0.7:
            await self.clock.sleep(self._draw.choice([0.0, self._draw.random() * self._most_s]))


class SlowJournal(MemoryJournal):
    """The journal in memory with a lag around every write.

    `before` is told the tree whose owner is about to append, `after` what has been appended.
    """

    def __init__(
        self, lag: Lag, *, before: Callable[[str], Awaitable[None]], after: Callable[[str, Sequence[Event]], None]
    ) -> None:
        super().__init__()
        self._lag = lag
        self._before = before
        self._after = after

    async def claim(self, tree_id: str) -> Claim:
        await self._lag()
        return await super().claim(tree_id)

    async def append(self, tree_id: str, fence: int, events: Sequence[Event]) -> None:
        await self._lag()
        await self._before(tree_id)
        await super().append(tree_id, fence, events)
        self._after(tree_id, events)
        await self._lag()


class SlowBlobs(MemoryBlobs):
    """Blobs in memory with a lag at every write."""

    def __init__(self, lag: Lag) -> None:
        super().__init__()
        self._lag = lag

    async def put(self, tree_id: str, data: bytes) -> str:
        await self._lag()
        return await super().put(tree_id, data)


class SlowIndex(MemoryIndex):
    """The index in memory with a lag at every status."""

    def __init__(self, lag: Lag) -> None:
        super().__init__(lag.clock)
        self._lag = lag

    async def set_status(self, tree_id: str, status: str) -> None:
        await self._lag()
        await super().set_status(tree_id, status)


class SlowSandbox:
    """`ports.Sandbox` around another; `open` are its sessions that ran a cell and were not closed."""

    def __init__(self, inner: Sandbox, lag: Lag) -> None:
        self._inner = inner
        self._lag = lag
        self.open = dict[int, SessionSpec]()
        self._sessions = 0

    @property
    def version(self) -> str:
        return self._inner.version

    def session(self, spec: SessionSpec) -> Session:
        number, self._sessions = self._sessions, self._sessions + 1
        return _SlowSession(
            self._inner.session(spec),
            self._lag,
            opened=lambda: self.open.setdefault(number, spec),
            closed=lambda: self.open.pop(number, None),
        )

    async def evaluate(self, expression: str, variables: Mapping[str, Any], *, limits: CellLimits) -> Return | Raise:
        await self._lag()
        return await self._inner.evaluate(expression, variables, limits=limits)


class _SlowSession:
    def __init__(self, inner: Session, lag: Lag, *, opened: Callable[[], object], closed: Callable[[], object]) -> None:
        self._inner = inner
        self._lag = lag
        self._opened = opened
        self._closed = closed

    async def run(self, code: str, host: Host, *, now: float, inputs: Mapping[str, Any] | None = None) -> Outcome:
        self._opened()
        await self._lag()
        outcome = await self._inner.run(code, host, now=now, inputs=inputs)
        await self._lag()
        return outcome

    async def resume(self, results: Sequence[tuple[int, Return | Raise]], *, now: float) -> Outcome:
        await self._lag()
        outcome = await self._inner.resume(results, now=now)
        await self._lag()
        return outcome

    async def abandon(self) -> None:
        await self._lag()
        await self._inner.abandon()

    async def close(self) -> None:
        try:
            await self._lag()
        finally:
            await self._inner.close()
            self._closed()
