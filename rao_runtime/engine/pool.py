"""The warm pool: who may send a call to which replica, and when. Knows no HTTP and no trees."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from rao_runtime.core.attained_service import AttainedService
from rao_runtime.core.breaker import Breaker, counts_against
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.placement import Placement, PromptKey, ReplicaLoad
from rao_runtime.core.ready_queue import ReadyQueue, Ticket
from rao_runtime.core.tree_gate import TreeGate
from rao_runtime.core.usage import Tokens
from rao_runtime.engine.lease import Lease
from rao_runtime.engine.replica import Replica
from rao_runtime.engine.roster import Roster
from rao_runtime.ports import Clock, Model

# An output token takes a step of its own, input tokens share theirs; what fairness between tenants counts.
OUTPUT_WEIGHT = 2

# When all replicas are full, a slot that comes free suits few of those that wait; with 8 most of the gain is there.
LOOK_AHEAD = 16


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call in the queue."""

    ticket: Ticket
    model: str
    prompt: PromptKey
    avoid: frozenset[int]
    granted: "asyncio.Future[Lease]"


@dataclass(slots=True)
class Lane:
    """One model's replicas, and its calls: in the queue, or `aside`, once at its head and their replica not free."""

    queue: ReadyQueue
    loads: Sequence[ReplicaLoad] = ()
    aside: dict[int, Waiting] = field(default_factory=dict[int, Waiting])


class Pool:
    """Gives out slots of replicas in the ready queue's order. Replicas come and go while it works."""

    def __init__(
        self, models: Sequence[Model], *, slots: int, placement: Placement, clock: Clock, by_arrival: bool = False
    ) -> None:
        self._placement = placement
        self._clock = clock
        self.by_arrival = by_arrival
        self._lanes = dict[str, Lane]()
        self._waiting = dict[int, Waiting]()
        self._service = AttainedService()
        self._gate = TreeGate(self._queue())
        self._tickets = 0
        self.prefix = {"expected": 0, "told": 0}
        self.roster = Roster(models, slots=slots, placement=placement, changed=self._rearranged)

    @property
    def queued(self) -> int:
        """Calls that wait for a slot."""
        return len(self._waiting)

    @property
    def tree_limit(self) -> int | None:
        """How many trees may send calls, None for any number."""
        return self._gate.limit

    @property
    def active_trees(self) -> int:
        """Trees that have sent a call and not ended."""
        return self._gate.active

    # --- calls --------------------------------------------------------------------------------------------------------

    def next_ticket_id(self) -> int:
        """Ids in the order of asking."""
        self._tickets += 1
        return self._tickets

    async def acquire(self, ticket: Ticket, model: str, prompt: PromptKey, avoid: Iterable[int] = ()) -> Lease:
        """A slot, when it is this ticket's turn. Give it back with `release`."""
        future = asyncio.get_running_loop().create_future()
        self._waiting[ticket.ticket_id] = Waiting(ticket, model, prompt, frozenset(avoid), future)
        lane = self._lane(model)
        if self._gate.offer(ticket):
            lane.queue.push(ticket)
            self._dispatch({model})
        try:
            return await future
        except asyncio.CancelledError:
            if ticket.ticket_id in self._waiting:
                self._forget(ticket.ticket_id)
            elif not future.cancelled():
                self.release(future.result())
            raise

    def release(self, lease: Lease) -> None:
        """Give a slot back."""
        self.share_s(lease)
        replica = lease.replica
        del replica.leases[lease.ticket.ticket_id]
        replica.load.in_flight -= 1
        self._placement.ended(replica.index, lease.prompt, lease.written)
        self.roster.retire(replica)
        self._dispatch(replica.model_ids)

    def succeeded(self, lease: Lease, tokens: Tokens | None) -> None:
        """Learn from an attempt that was answered."""
        replica, now = lease.replica, self._clock.now()
        replica.breaker.succeeded(now)
        replica.answered += 1
        if tokens is None:
            return
        # One that never tells of cached tokens says 0 each time, and would be believed to hold nothing.
        replica.tells_cached = replica.tells_cached or tokens.cached > 0
        if replica.tells_cached:
            self.prefix["expected"] += lease.cached_tokens
            self.prefix["told"] += tokens.cached
        cached = tokens.cached if replica.tells_cached else None
        self._placement.observed(replica.index, lease.prompt, cached, tokens.input)

    def wrote(self, lease: Lease, tokens: int) -> None:
        """Charge the tenant what the attempt wrote, however it ended; its prompt was charged as it was sent."""
        lease.written = tokens
        self._charge(lease, OUTPUT_WEIGHT * tokens)

    def share_s(self, lease: Lease) -> float:
        """What the attempt had of its replica's busy time, in seconds. It gets no more of it from here on."""
        if lease.share_s is None:
            lease.share_s = lease.replica.shares.leave(self._clock.now(), lease.entered)
        return lease.share_s

    def failed(self, lease: Lease, error: ModelError, *, busy_s: float) -> None:
        """Learn from a failed attempt.

        503 is a pause of `busy_s`; no connection takes the replica out until it answers again, and many failures do
        until a canary comes through, unless it is the last one of a model.
        """
        replica, now = lease.replica, self._clock.now()
        if error.kind is FailureKind.BUSY:
            self._rest(replica, now + busy_s, busy_s)
        elif error.kind is FailureKind.UNREACHABLE:
            self.roster.down(replica, str(error))
        if not counts_against(error.kind):
            return
        replica.breaker.failed(now)
        if replica.breaker.is_open and replica.down is None:
            taken_out = self.roster.take_out(replica, f"most of its calls fail: {error}", revoke=False)
            if not taken_out:
                replica.breaker = Breaker()

    def _rest(self, replica: Replica, until: float, busy_s: float) -> None:
        if until > replica.load.busy_until:
            replica.load.busy_until = until
            asyncio.get_running_loop().call_later(busy_s, self._rested, replica, until)

    def _rested(self, replica: Replica, until: float) -> None:
        # The timer decides, not the clock: the two differ by a rounding or a correction, and nobody would look again.
        if replica.load.busy_until == until:
            replica.load.busy_until = 0.0
        self._dispatch(replica.model_ids)

    # --- trees --------------------------------------------------------------------------------------------------------

    def limit_trees(self, most: int | None) -> None:
        """Let so many trees send calls; those that have begun go on."""
        self._gate.limit = most
        self._open_gate()

    def tree_ended(self, tree_id: str) -> None:
        """The tree sends no more calls."""
        self._gate.ended(tree_id)
        self._open_gate()

    def _open_gate(self) -> None:
        models = set[str]()
        for ticket in self._gate.opened(self._clock.now()):
            model = self._waiting[ticket.ticket_id].model
            self._lane(model).queue.push(ticket)
            models.add(model)
        self._dispatch(models)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _rearranged(self, models: Collection[str]) -> None:
        for model in sorted(models):
            self._lane(model).loads = self.roster.loads(model)
        self._dispatch(models)

    def _lane(self, model: str) -> Lane:
        lane = self._lanes.get(model)
        if lane is None:
            lane = self._lanes[model] = Lane(self._queue(), self.roster.loads(model))
        return lane

    def _queue(self) -> ReadyQueue:
        return ReadyQueue(by_arrival=self.by_arrival, service=self._service)

    def _forget(self, ticket_id: int) -> Waiting:
        """Take a call out, wherever it stands."""
        waiting = self._waiting.pop(ticket_id)
        lane = self._lanes[waiting.model]
        if lane.aside.pop(ticket_id, None) is None and not lane.queue.remove(ticket_id):
            self._gate.remove(ticket_id)
        return waiting

    def _dispatch(self, models: Collection[str]) -> None:
        """Give out what slots there are to calls for these models, in one order over all of them."""
        now = self._clock.now()
        lanes = [self._lanes[model] for model in sorted(models) if model in self._lanes]
        for lane in lanes:
            for waiting in list(lane.aside.values()):
                self._grant(lane, waiting, now)
        while lanes:
            lane = self._foremost(lanes, now)
            if not self._advance(lane, now):
                lanes.remove(lane)

    def _foremost(self, lanes: Sequence[Lane], now: float) -> Lane:
        """The lane whose head goes first: models that share a replica would starve in any fixed order of their own."""
        if len(lanes) == 1:
            return lanes[0]
        heads, lane_of = self._queue(), dict[int, Lane]()
        tickets = [(head, lane) for lane in lanes if (head := lane.queue.peek(now)) is not None]
        for head, lane in sorted(tickets, key=lambda each: each[0].ticket_id):
            heads.push(head)
            lane_of[head.ticket_id] = lane
        first = heads.peek(now)
        return lanes[0] if first is None else lane_of[first.ticket_id]

    def _advance(self, lane: Lane, now: float) -> bool:
        """Whether a call of this lane could be sent or stepped aside, so that another look at it is worth while."""
        ticket = lane.queue.peek(now)
        if ticket is None:
            return False
        waiting = self._waiting[ticket.ticket_id]
        if self._grant_any(lane, waiting, now):
            return True
        if waiting.avoid:
            # It waits for a replica it has not met; the one it avoids must not stand idle for those behind it.
            lane.queue.remove(ticket.ticket_id)
            lane.aside[ticket.ticket_id] = waiting
        return bool(waiting.avoid)

    def _grant_any(self, lane: Lane, head: Waiting, now: float) -> bool:
        """Give a slot to the first call whose prefix is there; without one, the head takes what there is."""
        if not any(load.has_room(now) for load in lane.loads):
            return False
        if self._grant(lane, head, now, patient=True):
            return True
        others = (self._waiting[ticket.ticket_id] for ticket in lane.queue.ahead(now, LOOK_AHEAD)[1:])
        return any(self._grant(lane, each, now, patient=True) for each in others) or self._grant(lane, head, now)

    def _grant(self, lane: Lane, waiting: Waiting, now: float, *, patient: bool = False) -> bool:
        if waiting.granted.done():
            # It was cancelled and has not noticed yet: placement is not asked, since its answer is a note of a send.
            self._forget(waiting.ticket.ticket_id)
            return True
        choice = self._placement.choose(lane.loads, waiting.prompt, now, avoid=waiting.avoid, patient=patient)
        if choice is None:
            return False
        self._forget(waiting.ticket.ticket_id)
        replica = self.roster[choice.index]
        lease = Lease(
            replica,
            ticket=waiting.ticket,
            model=waiting.model,
            prompt=waiting.prompt,
            cached_tokens=_in_blocks(choice.cached_tokens, replica.traits.block_tokens),
        )
        replica.load.in_flight += 1
        lease.entered = replica.shares.enter(now)
        replica.leases[waiting.ticket.ticket_id] = lease
        self._charge(lease, waiting.prompt.tokens)
        waiting.granted.set_result(lease)
        return True

    def _charge(self, lease: Lease, tokens: int) -> None:
        self._lanes[lease.model].queue.charge(lease.ticket.tenant, tokens, self._clock.now())


def _in_blocks(tokens: int, block: int | None) -> int:
    """A prefix cache holds whole blocks only."""
    return tokens - tokens % block if block else tokens
