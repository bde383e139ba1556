"""Takes messages from docket, for as long as the process works."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from docket import Docket, Worker
from docket.dependencies import Dependency

from rao_runtime.adapters.docket_errands import Errands
from rao_runtime.adapters.docket_link import BoundedDocket

log = logging.getLogger(__name__)

# How long a read waits for a message, and so how long an ending worker takes. One that comes is taken at once.
READ_S = 0.25
# Due messages are those that were handed on with a delay.
DUE_S = 1.0
READ_AT_ONCE = 100
RECONNECT_S = 0.25
# After an outage all workers have time to renew their leases before any looks for lapsed ones.
GRACE_S = 1.0


class Taker:
    """Runs docket's worker. `room` tells how many trees may run here."""

    def __init__(
        self, docket: BoundedDocket, errands: Errands, *, worker: str, room: Callable[[], int], lease_s: float
    ) -> None:
        self._docket = docket
        self._errands = errands
        self._room = room
        self._name = worker
        self._lease_s = lease_s
        self._worker: Worker | None = None
        self._end = asyncio.Event()
        self._was_connected = False

    async def run(self) -> None:
        """Take messages until `end`; a worker that breaks is followed by another."""
        while not self._end.is_set():
            try:
                await self._work()
            except Exception:
                # The boundary of docket: a bug in it must not end the process's part in the trees.
                log.exception("docket's worker broke")
                await self._pause(RECONNECT_S)

    def end(self) -> None:
        """Take no more messages; `run` returns once docket has let go of those it has."""
        self._end.set()

    def adjust(self) -> None:
        """Look at the room again."""
        if self._worker is not None:
            self._worker.concurrency = self._room()

    async def _work(self) -> None:
        async with self._working() as working:
            ending = asyncio.create_task(self._end.wait())
            try:
                await asyncio.wait([working, ending], return_when=asyncio.FIRST_COMPLETED)
            finally:
                ending.cancel()
        await working

    @asynccontextmanager
    async def _working(self) -> AsyncGenerator[asyncio.Task[None]]:
        worker = self._new_worker()
        working: asyncio.Task[None] | None = None
        try:
            # Leaving tells the worker to end, and waits until it has.
            async with worker:
                self._worker = worker
                working = asyncio.create_task(worker.run_forever(), name="docket-worker")
                yield working
        finally:
            self._worker = None
            if working is not None:
                working.cancel()

    def _new_worker(self) -> Worker:
        return Worker(
            self._docket,
            name=self._name,
            concurrency=self._room(),
            message_batch=READ_AT_ONCE,
            redelivery_timeout=timedelta(seconds=self._lease_s),
            reconnection_delay=timedelta(seconds=RECONNECT_S),
            minimum_check_interval=timedelta(seconds=READ_S),
            scheduling_resolution=timedelta(seconds=DUE_S),
            schedule_automatic_tasks=False,
            dependencies=[_session(self._connected, self._errands.disconnected)],
        )

    async def _connected(self) -> None:
        if self._was_connected:
            # Docket asks before it connects. What this raises while Redis is away has it ask again.
            async with self._docket.redis() as redis:
                await redis.ping()
            await self._pause(GRACE_S)
        self._errands.connected()
        self._was_connected = True
        self.adjust()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._end.wait()
        except TimeoutError:
            return


def _session(begin: Callable[[], Awaitable[None]], end: Callable[[], None]) -> Dependency[None]:
    """Docket's way to be told when a worker's connection begins and ends."""

    class Session(Dependency[None]):
        async def __aenter__(self) -> None:
            return None

        @classmethod
        @asynccontextmanager
        async def worker_lifecycle(cls, docket: Docket, worker: Worker) -> AsyncGenerator[None]:  # noqa: ARG003 - docket's signature
            await begin()
            try:
                yield
            finally:
                end()

    return Session()
