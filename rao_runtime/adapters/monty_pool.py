"""The lanes of a sandbox, handed out first come, first served."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial

from pydantic_monty import MontyError

from rao_runtime.adapters.monty_cell import Cell, resources
from rao_runtime.adapters.monty_lane import Lane
from rao_runtime.adapters.monty_launcher import Launcher
from rao_runtime.adapters.monty_prelude import CHECK, prelude
from rao_runtime.adapters.monty_turn import Turn
from rao_runtime.adapters.monty_values import FAILED
from rao_runtime.adapters.sandbox_values import Failed
from rao_runtime.core.errors import SandboxError
from rao_runtime.ports import CellLimits, SessionSpec

_BASES_KEPT = 64

# A cell that computes until its limit holds a worker for seconds: the others must not wait for it.
LEAST_WORKERS = 4


class MontyPool:
    """Workers and the dumps that sessions start from. Nobody holds a lane while waiting for the host."""

    def __init__(self, workers: int | None, waited: Callable[[float], None]) -> None:
        self._waited = waited
        self._size = workers or max(LEAST_WORKERS, os.cpu_count() or 1)
        self._launcher = Launcher()
        self._lanes: list[Lane] = []
        self._free: asyncio.LifoQueue[Lane | None] = (
            asyncio.LifoQueue()
        )  # the warmest first; waiters are served in turn
        self._bases: dict[tuple[tuple[str, ...], CellLimits], bytes] = {}
        self._building = asyncio.Lock()

    async def open(self) -> None:
        """Start all workers. Raises SandboxError."""
        try:
            first = await self._first()
            rest = [Lane(self._launcher.path) for _ in range(self._size - 1)]
            self._lanes = [first, *rest]
            await asyncio.gather(*[lane.open() for lane in rest])
        except (MontyError, OSError, RuntimeError) as error:
            await self.close()
            raise SandboxError(f"no worker starts: {error}") from error
        for lane in self._lanes:
            self._free.put_nowait(lane)

    async def close(self) -> None:
        """Kill the workers; whoever still waits for one gets SandboxError."""
        self._free.put_nowait(None)
        lanes, self._lanes = self._lanes, []
        await asyncio.gather(*[lane.close() for lane in lanes])
        self._launcher.close()

    @asynccontextmanager
    async def turn(self, cell: Cell) -> AsyncGenerator[tuple[Lane, Turn]]:
        """A lane for one turn of a cell."""
        lane = await self._next_lane()
        turn = Turn(lane, cell)
        try:
            yield lane, turn
        finally:
            if turn.is_over:
                self._free.put_nowait(lane)
            else:
                lane.finish(turn.leave, lambda: self._free.put_nowait(lane))

    async def base(self, spec: SessionSpec) -> bytes:
        """The dump a session of this kind starts from: guards, `Failed`, the host's functions."""
        key = (spec.functions, spec.limits)
        async with self._building:
            if key not in self._bases:
                if len(self._bases) >= _BASES_KEPT:
                    self._bases.pop(next(iter(self._bases)))
                self._bases[key] = await self._new_base(spec)
            return self._bases[key]

    async def _next_lane(self) -> Lane:
        asked_at = asyncio.get_running_loop().time()
        lane = await self._free.get()
        self._waited(asyncio.get_running_loop().time() - asked_at)
        if lane is None:
            self._free.put_nowait(None)
            raise SandboxError("the sandbox is closed")
        return lane

    async def _new_base(self, spec: SessionSpec) -> bytes:
        lane = await self._next_lane()
        try:
            return await lane.run(partial(_build, lane, spec))
        except MontyError as error:
            raise SandboxError(f"no session can be set up: {error}") from error
        finally:
            self._free.put_nowait(lane)

    async def _first(self) -> Lane:
        """The first lane, with the launcher where it works here."""
        lane = Lane(self._launcher.path)
        try:
            await lane.open()
        except (MontyError, OSError, RuntimeError):
            if self._launcher.path is None:
                raise
            await lane.close()
            self._launcher.path = None
            lane = Lane(None)
            await lane.open()
        return lane


def _build(lane: Lane, spec: SessionSpec) -> bytes:
    session = lane.checkout(resources(spec.limits))
    try:
        given = {name: _stub(name) for name in (*spec.functions, CHECK)}
        session.feed_run(prelude(spec.functions), inputs={Failed.__name__: FAILED, **given})
        return session.dump()
    finally:
        lane.checkin(session)


def _stub(name: str) -> Callable[..., None]:
    """A callable that only lends its name: Monty makes a host function of it."""

    def stub() -> None:
        pass

    stub.__name__ = name
    return stub
