"""What a worker does with the messages it takes: runs their trees, keeps their leases, and hands them back at the end.

Docket runs a task for each message, and has it settled when the task ends. Two things make that unfit for tasks that
take as long as a tree does. When docket loses its connection it waits for all running tasks before it connects again,
and renews no lease meanwhile. And a worker that was suspended would settle messages that others have taken from it
since. So docket's task only waits for an errand here, and lets go of it when its connection breaks; the errand goes on,
its lease is renewed here, and it settles the message itself, unless another worker has claimed it.
"""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from docket import Execution
from docket.dependencies import AdmissionBlocked
from redis.exceptions import RedisError

from rao_runtime.adapters.docket_link import BoundedDocket
from rao_runtime.adapters.docket_trees import Ending, Trees
from rao_runtime.ports import Clock

log = logging.getLogger(__name__)

RENEW_AT_ONCE = 1_000
RENEW_AGAIN_S = 0.2


class Errands:
    """The messages of one worker, by id; `worker` is the worker's name. Made and used in one event loop."""

    def __init__(
        self, docket: BoundedDocket, trees: Trees, clock: Clock, *, worker: str, lease_s: float, refused_s: float
    ) -> None:
        self._docket = docket
        self._trees = trees
        self._clock = clock
        self._worker = worker
        self._lease_s = lease_s
        self._refused_s = refused_s
        self._errands = dict[bytes, asyncio.Task[None]]()
        self._attended = set[bytes]()
        self._broken = asyncio.Event()

    @property
    def unattended(self) -> int:
        """Errands that docket knows nothing of any more: they use up room all the same."""
        return len(self._errands.keys() - self._attended)

    async def run(self, execution: Execution) -> None:
        """Docket's task, until the errand ends or docket's connection does. Raises what has docket not settle it."""
        message_id = execution.message_id or b""
        errand = self._errands.get(message_id)
        if errand is None:
            errand = asyncio.create_task(self._run(execution), name=f"errand-{execution.key}")
            self._errands[message_id] = errand
            errand.add_done_callback(lambda _: self._errands.pop(message_id))
        broken = asyncio.create_task(self._broken.wait())
        self._attended.add(message_id)
        try:
            await asyncio.wait([errand, broken], return_when=asyncio.FIRST_COMPLETED)
        finally:
            broken.cancel()
            self._attended.discard(message_id)
        raise AdmissionBlocked(execution, "its errand", handled=True)

    def connected(self) -> None:
        """Docket has its connection."""
        self._broken = asyncio.Event()

    def disconnected(self) -> None:
        """Docket has lost its connection, or stops: have its tasks end."""
        self._broken.set()

    async def keep(self) -> None:
        """Renew the leases again and again, until cancelled."""
        while True:
            try:
                await self.renew()
                pause_s = self._lease_s / 4
            except (RedisError, OSError):
                # Once Redis is back, the leases are to be renewed before others find them lapsed.
                pause_s = RENEW_AGAIN_S
            await asyncio.sleep(pause_s)

    async def renew(self) -> None:
        """Renew the leases. Raises RedisError, OSError."""
        held = list(self._errands)
        if not held:
            return
        async with self._docket.redis() as redis:
            for start in range(0, len(held), RENEW_AT_ONCE):
                await redis.xclaim(
                    name=self._docket.stream_key,
                    groupname=self._docket.worker_group_name,
                    consumername=self._worker,
                    min_idle_time=0,
                    message_ids=held[start : start + RENEW_AT_ONCE],
                    idle=0,
                    justid=True,
                )

    async def settled(self) -> None:
        """Wait until no errand is left."""
        while self._errands:
            await asyncio.wait(list(self._errands.values()))

    async def abandon(self) -> None:
        """Let go of the errands that are left, their messages as they are."""
        for errand in list(self._errands.values()):
            errand.cancel()
        await self.settled()

    async def _run(self, execution: Execution) -> None:
        ending = await self._trees.run(execution.key)
        try:
            await self._settle(execution, ending)
        except (RedisError, OSError) as error:
            # The lease lapses, somebody is handed the tree again, and finds it as it is then.
            log.debug("the message of tree %s stays as it is: %s", execution.key, error)

    async def _settle(self, execution: Execution, ending: Ending) -> None:
        await execution.sync()
        if execution.worker not in (None, self._worker):
            return
        match ending:
            case Ending.DONE:
                await execution.mark_as_completed()
            case Ending.REFUSED:
                await self._hand_on(execution, self._refused_s)
            case Ending.CUT:
                await self._hand_on(execution, 0.0)

    async def _hand_on(self, execution: Execution, delay_s: float) -> None:
        execution.when = datetime.fromtimestamp(self._clock.now(), UTC) + timedelta(seconds=delay_s)
        await execution.schedule(reschedule_message=execution.message_id, expected_generation=execution.generation)
