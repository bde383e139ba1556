"""The ports around an engine, made slow by a seed: every wait is a chance for something else to come first."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from rao_runtime.adapters.memory_blobs import MemoryBlobs
from rao_runtime.adapters.memory_index import MemoryIndex
from rao_runtime.adapters.memory_journal import MemoryJournal
from rao_runtime.core.events import Event, NodeDelta
from rao_runtime.ports import (
    CellLimits,
    Claim,
    Clock,
    Command,
    Host,
    Journal,
    JournalHealth,
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

    `made` is told of new trees, `before` of a tree whose owner is about to append, `after` of what has been appended.
    """

    def __init__(
        self,
        lag: Lag,
        *,
        made: Callable[[str, Sequence[Event]], None],
        before: Callable[[str], Awaitable[None]],
        after: Callable[[str, Sequence[Event]], Awaitable[None]],
    ) -> None:
        super().__init__()
        self._made = made
        self._lag = lag
        self._before = before
        self._after = after

    async def create(self, tree_id: str, events: Sequence[Event] = ()) -> bool:
        await self._lag()
        created = await super().create(tree_id, events)
        if created:
            self._made(tree_id, events)
        return created

    async def claim(self, tree_id: str) -> Claim:
        await self._lag()
        return await super().claim(tree_id)

    async def append(self, tree_id: str, fence: int, events: Sequence[Event]) -> None:
        await self._lag()
        await self._before(tree_id)
        await super().append(tree_id, fence, events)
        await self._after(tree_id, events)
        await self._lag()


class Mortal:
    """A process's way to the journal: once it is dead nothing gets through, and nothing comes back."""

    def __init__(self, journal: Journal) -> None:
        self.dead = False
        self._journal = journal

    async def create(self, tree_id: str, events: Sequence[Event] = ()) -> bool:
        return await self._journal.create(tree_id, events)

    async def claim(self, tree_id: str) -> Claim:
        await self._alive()
        claim = await self._journal.claim(tree_id)
        await self._alive()
        return claim

    async def append(self, tree_id: str, fence: int, events: Sequence[Event]) -> None:
        await self._alive()
        await self._journal.append(tree_id, fence, events)
        await self._alive()

    async def read(self, tree_id: str, after: int = 0) -> Sequence[Event]:
        return await self._journal.read(tree_id, after)

    async def last(self, tree_id: str) -> Event | None:
        return await self._journal.last(tree_id)

    def follow(
        self, tree_id: str, after: int = 0, *, deltas: bool = False
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[Event | NodeDelta]]]:
        return self._journal.follow(tree_id, after, deltas=deltas)

    def publish(self, delta: NodeDelta) -> None:
        self._journal.publish(delta)

    def wants_deltas(self, tree_id: str) -> bool:
        return self._journal.wants_deltas(tree_id)

    async def send(self, tree_id: str, command: Command) -> None:
        await self._journal.send(tree_id, command)

    def commands(self, tree_id: str) -> AsyncIterator[Command]:
        return self._journal.commands(tree_id)

    async def delete(self, tree_id: str) -> None:
        await self._journal.delete(tree_id)

    def health(self) -> JournalHealth:
        return self._journal.health()

    async def _alive(self) -> None:
        if self.dead:
            await asyncio.get_running_loop().create_future()


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

    async def set_status(self, tree_id: str, status: str, *, nodes: int = 0) -> None:
        await self._lag()
        await super().set_status(tree_id, status, nodes=nodes)


class SlowSandbox:
    """`ports.Sandbox` around `inner`; `open` are its sessions that ran a cell and were not closed, `ran` all cells."""

    def __init__(self, inner: Sandbox, lag: Lag) -> None:
        self.inner = inner
        self._lag = lag
        self.open = dict[int, SessionSpec]()
        self.ran = list[str]()
        self._sessions = 0

    @property
    def version(self) -> str:
        return self.inner.version

    def session(self, spec: SessionSpec) -> Session:
        number, self._sessions = self._sessions, self._sessions + 1
        return _SlowSession(
            self.inner.session(spec),
            self._lag,
            self.ran,
            opened=lambda: self.open.setdefault(number, spec),
            closed=lambda: self.open.pop(number, None),
        )

    async def evaluate(self, expression: str, variables: Mapping[str, Any], *, limits: CellLimits) -> Return | Raise:
        await self._lag()
        return await self.inner.evaluate(expression, variables, limits=limits)


class _SlowSession:
    def __init__(
        self, inner: Session, lag: Lag, ran: list[str], *, opened: Callable[[], object], closed: Callable[[], object]
    ) -> None:
        self._inner = inner
        self._lag = lag
        self._ran = ran
        self._opened = opened
        self._closed = closed

    async def run(self, code: str, host: Host, *, now: float, inputs: Mapping[str, Any] | None = None) -> Outcome:
        self._opened()
        self._ran.append(code)
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
