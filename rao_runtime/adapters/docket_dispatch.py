"""Hands trees to whichever process has room, over docket on Redis. Whether a tree may be written is the fence's matter.

A tree is a task of docket's, with its id as key and only argument: while it waits or runs, it is not added again. Its
message is leased by the worker that runs it, and goes to another one when the lease lapses.
"""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from docket.dependencies import current_execution
from redis.exceptions import RedisError

from rao_runtime.adapters import docket_consumers
from rao_runtime.adapters.clock import SystemClock
from rao_runtime.adapters.docket_errands import Errands
from rao_runtime.adapters.docket_link import BoundedDocket, hush
from rao_runtime.adapters.docket_look import Look
from rao_runtime.adapters.docket_offers import TASK, Offers
from rao_runtime.adapters.docket_trees import Trees
from rao_runtime.adapters.docket_worker import Taker
from rao_runtime.core.errors import JournalUnavailable, Overloaded
from rao_runtime.ports import RunTree

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long a worker that says nothing keeps its trees, a refused tree waits, a call to Redis may take."""

    lease_s: float = 4.0
    refused_s: float = 5.0
    patience_s: float = 5.0


class DocketDispatch:
    """`ports.Dispatch` for many processes: `async with DocketDispatch(...)`. One that does not work only hands out.

    It opens also where Redis cannot be reached, and connects by itself. Every key begins with `name`, which is put in
    braces unless it has a pair. Leaving stops it, if `stop` was not called.
    """

    def __init__(
        self,
        run_tree: RunTree,
        *,
        url: str,
        name: str,
        max_active: int,
        max_queued: int,
        works: bool = True,
        timing: Timing = Timing(),
    ) -> None:
        self.closed = False
        self._max_active = max_active
        self._max_queued = max_queued
        self._works = works
        self._timing = timing
        self._worker = f"{socket.gethostname()}#{os.getpid()}#{secrets.token_hex(3)}"
        self._docket = docket = BoundedDocket(url=url, name=name)
        self._trees = Trees(run_tree)
        self._errands = Errands(
            docket,
            self._trees,
            SystemClock(),
            worker=self._worker,
            lease_s=timing.lease_s,
            refused_s=timing.refused_s,
        )
        self._taker = Taker(docket, self._errands, worker=self._worker, room=self._room, lease_s=timing.lease_s)
        self._offers = Offers(docket)
        self._look = Look(docket, then=self._taker.adjust)
        self._stack = AsyncExitStack()
        self._tasks = list[asyncio.Task[None]]()
        self._taking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        hush()
        self._docket.register(self._run_tree, names=[TASK])
        await self._stack.enter_async_context(self._docket)
        self._start(self._look.keep(), "docket-look")
        self._start(self._offers.pass_on(), "docket-offers")
        if self._works:
            self._start(self._errands.keep(), "docket-leases")
            self._taking = asyncio.create_task(self._taker.run(), name="docket-taker")
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self.stop()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
            await self._stack.aclose()

    @property
    def active(self) -> int:
        """Trees that run in this process."""
        return len(self._trees)

    @property
    def queued(self) -> int:
        """Trees that wait for any process, as of a second ago."""
        return self._look.waiting

    async def check_room(self) -> None:
        """Raises Overloaded when more trees wait than may, or this process is about to end."""
        if self.closed:
            raise Overloaded("this server is shutting down", retry_after_s=RETRY_AFTER_S)
        if self._look.waiting > self._max_queued:
            await self._look.refresh()
        if self._look.waiting > self._max_queued:
            raise Overloaded(f"{self._look.waiting} trees wait already", retry_after_s=RETRY_AFTER_S)

    async def submit(self, tree_id: str) -> None:
        """Have the tree run where there is room. Raises Overloaded, and JournalUnavailable when Redis is in trouble."""
        await self.check_room()
        try:
            async with asyncio.timeout(self._timing.patience_s):
                await self._docket.add(TASK, key=tree_id)(tree_id)
        except (RedisError, OSError) as error:
            # Without redis-py's words for it where there are none: a timeout has no message.
            raise JournalUnavailable(f"trees cannot be handed out now: {error or type(error).__name__}") from None
        self._look.handed_out()

    async def recover(self, tree_id: str) -> None:
        """Have a tree run unless it waits or runs somewhere; returns at once, and never raises."""
        if not self.closed and tree_id not in self._trees:
            self._offers.make(tree_id)

    def expedite(self, tree_id: str) -> None:
        """No effect: a tree that waits for room may do so in any process."""

    def close(self) -> None:
        """Take no more trees, neither from clients nor from Redis."""
        self.closed = True
        self._trees.close()
        self._taker.adjust()

    async def stop(self) -> None:
        """Have this process's trees let go, hand them to other workers at once, and wait until that is done."""
        self.close()
        self._taker.end()
        await self._trees.stop()
        if self._taking is None:
            return
        try:
            async with asyncio.timeout(self._timing.patience_s):
                await self._hand_back(self._taking)
        except (RedisError, OSError):
            log.warning("trees could not be handed back; they are free in %g s", self._timing.lease_s)
            await _cancelled(self._taking)
            await self._errands.abandon()
        self._taking = None

    async def _hand_back(self, taking: asyncio.Task[None]) -> None:
        await asyncio.wait([taking])
        await self._errands.settled()
        await docket_consumers.forget(self._docket, self._worker)

    async def _run_tree(self, tree_id: str) -> None:  # noqa: ARG002 - docket passes it on; the execution has it as key
        await self._errands.run(current_execution.get())

    def _room(self) -> int:
        return 0 if self.closed else max(0, self._max_active - self._errands.unattended)

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
