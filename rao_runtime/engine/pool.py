"""The warm pool: who may send a call to which replica, and when. Knows no HTTP and no trees."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.placement import Placement, PromptKey, ReplicaLoad
from rao_runtime.core.ready_queue import ReadyQueue, Ticket
from rao_runtime.ports import Clock, Model, ServedModel

log = logging.getLogger(__name__)

PROBE_S = 1.0
PROBE_TIMEOUT_S = 5.0


@dataclass(slots=True)
class Replica:
    """One replica and what the pool knows of it. `served` is None until it has answered once."""

    index: int
    model: Model
    slots: int
    in_flight: int = 0
    busy_until: float = 0.0
    healthy: bool = False
    served: tuple[ServedModel, ...] | None = None
    model_ids: frozenset[str] = frozenset()

    def load(self) -> ReplicaLoad:
        """What placement sees."""
        return ReplicaLoad(
            index=self.index,
            in_flight=self.in_flight,
            slots=self.slots,
            busy_until=self.busy_until,
            healthy=self.healthy,
        )


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call in the queue."""

    ticket: Ticket
    model: str
    prompt: PromptKey
    avoid: frozenset[int]
    granted: "asyncio.Future[Replica]"


@dataclass(slots=True)
class Lane:
    """One model's waiting calls by ticket: in the queue, or `aside`, once at its head and their replica not free."""

    queue: ReadyQueue = field(default_factory=ReadyQueue)
    waiting: dict[int, Waiting] = field(default_factory=dict[int, Waiting])
    aside: dict[int, Waiting] = field(default_factory=dict[int, Waiting])

    def forget(self, ticket_id: int) -> None:
        """Take a call out, wherever it stands."""
        del self.waiting[ticket_id]
        if self.aside.pop(ticket_id, None) is None:
            self.queue.remove(ticket_id)


class Pool:
    """Gives out slots of replicas in the ready queue's order; a replica that does not answer is left out and probed."""

    def __init__(self, models: Sequence[Model], *, slots: int, placement: Placement, clock: Clock) -> None:
        self.replicas = [Replica(index, model, slots) for index, model in enumerate(models)]
        self._placement = placement
        self._clock = clock
        self._lanes = dict[str, Lane]()
        self._tickets = 0
        self._changed = asyncio.Event()

    def next_ticket_id(self) -> int:
        """Ids in the order of asking."""
        self._tickets += 1
        return self._tickets

    @property
    def queued(self) -> int:
        """Calls that wait for a slot."""
        return sum(len(lane.waiting) for lane in self._lanes.values())

    def models(self) -> dict[str, int | None]:
        """Every model a replica has told of, with the smallest window told."""
        windows = dict[str, int | None]()
        for replica in self.replicas:
            for served in replica.served or ():
                known = windows.get(served.id)
                windows[served.id] = served.window if known is None else min(known, served.window or known)
        return windows

    def all_known(self) -> bool:
        """Whether every replica has told what it serves: an unknown model is then a mistake, not a late starter."""
        return all(replica.served is not None for replica in self.replicas)

    def serves(self, model: str) -> bool:
        """Whether a replica of this model is up."""
        return any(replica.healthy and model in replica.model_ids for replica in self.replicas)

    async def first_answer(self) -> None:
        """Wait until some replica has told what it serves."""
        while not self.models():
            self._changed.clear()
            await self._changed.wait()

    async def acquire(self, ticket: Ticket, model: str, prompt: PromptKey, avoid: Iterable[int] = ()) -> Replica:
        """A slot, when it is this ticket's turn. Give it back with `release`."""
        lane = self._lanes.get(model)
        if lane is None:
            lane = self._lanes[model] = Lane()
        future = asyncio.get_running_loop().create_future()
        lane.waiting[ticket.ticket_id] = Waiting(ticket, model, prompt, frozenset(avoid), future)
        lane.queue.push(ticket)
        self._dispatch(model)
        try:
            return await future
        except asyncio.CancelledError:
            if ticket.ticket_id in lane.waiting:
                lane.forget(ticket.ticket_id)
            elif not future.cancelled():
                self.release(future.result())
            raise

    def release(self, replica: Replica) -> None:
        """Give a slot back."""
        replica.in_flight -= 1
        self._dispatch_all()

    def report(self, replica: Replica, error: ModelError, *, busy_s: float) -> None:
        """Learn from a failed attempt: 503 is a pause, no connection takes the replica out until a probe succeeds."""
        if error.kind is FailureKind.BUSY:
            until = self._clock.now() + busy_s
            if until > replica.busy_until:
                replica.busy_until = until
                asyncio.get_running_loop().call_later(busy_s, self._rested, replica, until)
        elif error.kind is FailureKind.UNREACHABLE and replica.healthy:
            log.warning("replica %s is down: %s", replica.model.name, error)
            replica.healthy = False

    def _rested(self, replica: Replica, until: float) -> None:
        # The timer decides, not the clock: the two differ by a rounding or a correction, and nobody would look again.
        if replica.busy_until == until:
            replica.busy_until = 0.0
        self._dispatch_all()

    async def watch(self) -> None:
        """Probe the replicas that are down, for ever."""
        while True:
            down = [replica for replica in self.replicas if not replica.healthy]
            if down:
                async with asyncio.TaskGroup() as probes:
                    for replica in down:
                        probes.create_task(self._probe(replica), name=f"probe-{replica.model.name}")
            await self._clock.sleep(PROBE_S)

    async def _probe(self, replica: Replica) -> None:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                replica.served = await replica.model.served()
        except (ModelError, TimeoutError):
            return
        except Exception:
            # The boundary of a probe: whatever is wrong with one replica, the others are probed again.
            log.exception("replica %s could not be probed", replica.model.name)
            return
        replica.model_ids = frozenset(served.id for served in replica.served)
        replica.healthy = True
        log.info("replica %s is up, serving %s", replica.model.name, ", ".join(m.id for m in replica.served))
        self._changed.set()
        self._dispatch_all()

    def _dispatch_all(self) -> None:
        for model in self._lanes:
            self._dispatch(model)

    def _dispatch(self, model: str) -> None:
        lane = self._lanes[model]
        now = self._clock.now()
        for waiting in list(lane.aside.values()):
            self._grant(lane, waiting, now)
        while (ticket := lane.queue.peek(now)) is not None:
            waiting = lane.waiting[ticket.ticket_id]
            if self._grant(lane, waiting, now):
                continue
            if not waiting.avoid:
                return
            # It waits for a replica it has not met; the one it avoids must not stand idle for those behind it.
            lane.queue.remove(ticket.ticket_id)
            lane.aside[ticket.ticket_id] = waiting

    def _grant(self, lane: Lane, waiting: Waiting, now: float) -> bool:
        replica = self._choose(waiting, now)
        if replica is None:
            return False
        lane.forget(waiting.ticket.ticket_id)
        if not waiting.granted.done():
            replica.in_flight += 1
            waiting.granted.set_result(replica)
        return True

    def _choose(self, waiting: Waiting, now: float) -> Replica | None:
        serving = [replica.load() for replica in self.replicas if waiting.model in replica.model_ids]
        index = self._placement.choose(serving, waiting.prompt, now, avoid=waiting.avoid)
        return None if index is None else self.replicas[index]
