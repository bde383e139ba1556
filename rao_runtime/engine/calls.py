"""One model call of one turn: slots, attempts, the budget, the journal. Knows nothing of what the text means."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rao_runtime.core import budget, retry
from rao_runtime.core.budget import Account, Amount, Exceeded, Reservation
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.events import EventType, NodeDelta
from rao_runtime.core.ids import attempt_id, attempt_span_id, call_id
from rao_runtime.core.placement import PromptKey
from rao_runtime.core.pricing import GpuPrice, Price, Sheet, amount
from rao_runtime.core.profile import CallSampling, Profile
from rao_runtime.core.ready_queue import Ticket
from rao_runtime.core.usage import Tokens, Usage
from rao_runtime.engine.delta_feed import DeltaFeed
from rao_runtime.engine.lease import Lease
from rao_runtime.engine.pool import Pool
from rao_runtime.engine.tree_log import NodeRef, TreeLog
from rao_runtime.ports import Clock, Finished, Journal, Message, ModelRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What one turn asks for. `prompt_tokens` is the estimate that is reserved together with `sampling.max_tokens`."""

    node: NodeRef
    turn: int
    account: Account
    messages: tuple[Message, ...]
    key: PromptKey
    prompt_tokens: int
    sampling: CallSampling
    seed: int | None
    stop: tuple[str, ...]
    continuation: bool


@dataclass(frozen=True, slots=True)
class Completion:
    """A finished call. `tokens` is None where the replica did not count."""

    text: str
    reason: str
    tokens: Tokens | None


@dataclass(frozen=True, slots=True)
class CallFailed:
    """No attempt gave a completion. `lost` tells that text had begun to come, so that asking anew may well work."""

    error: ModelError
    lost: bool


@dataclass(frozen=True, slots=True)
class Attempts:
    """What became of a call under an earlier owner: attempts made, those the retry policy counts, and the outcome."""

    made: int = 0
    counted: int = 0
    result: Completion | CallFailed | None = None


@dataclass(slots=True)
class _Attempt:
    """What is known of a running attempt."""

    number: int
    call: Call
    reservation: Reservation
    lease: Lease
    queued_at: float
    started_at: float
    first_at: float | None = None
    parts: list[str] = field(default_factory=list[str])
    tokens: Tokens | None = None
    sent: bool = False

    @property
    def text(self) -> str:
        return "".join(self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeCalls:
    """What is the same for all calls of a tree. `trace_id` is None where it is not traced: then the caller's
    `traceparent` goes to replicas as it is.
    """

    log: TreeLog
    journal: Journal
    pool: Pool
    clock: Clock
    profile: Profile
    policy: retry.RetryPolicy
    jitter: Callable[[], float]
    priority: int
    deadline: float
    tenant: str
    tree_started: float
    traceparent: str | None
    cache_salt: str | None
    trace_id: str | None = None


def call_amount(price: Sheet | None, prompt_tokens: int, max_tokens: int) -> Amount:
    """What a call reserves: its prompt and the longest completion, uncached; no money where only seconds cost."""
    tokens = Tokens(input=prompt_tokens, output=max_tokens)
    return Amount(tokens=tokens.total, cost=Decimal(0) if price is None else price.cost(tokens))


def reserve_view(reserved: Amount, price: Sheet | None) -> dict[str, Any]:
    """What is set aside for a call, for the journal."""
    return {"tokens": reserved.tokens, "cost": amount(reserved.cost) if isinstance(price, Price) else None}


class CallRunner:
    """Runs the calls of one tree."""

    def __init__(self, tree: TreeCalls) -> None:
        self._tree = tree

    @property
    def without_replica(self) -> bool:
        """Whether no replica of the tree's model is up now."""
        return not self._tree.pool.roster.serves(self._tree.profile.model)

    async def complete(
        self, call: Call, reservation: Reservation, earlier: Attempts
    ) -> Completion | CallFailed | Exceeded:
        """Have the call answered. `reservation` is taken over and settled whatever happens.

        An attempt is made again only while no text has come, on another replica where there is one, under a new
        request id and a new reservation. Attempts go on after those made `earlier`.
        """
        number, counted, tried = earlier.made, earlier.counted, set[int]()
        asked_at = self._tree.clock.now()
        asked = call_amount(self._tree.profile.price, call.prompt_tokens, call.sampling.max_tokens)
        while True:
            number += 1
            attempt = await self._admitted(number, call, reservation, self._ticket(call, asked_at), tried)
            try:
                return await self._attempt(attempt)
            except ModelError as error:
                surfaced = bool(attempt.parts)
                decision = retry.decide(
                    self._tree.policy,
                    error.kind,
                    counted + 1,
                    surfaced=surfaced,
                    sent=attempt.sent,
                    retry_after_s=error.retry_after_s,
                    u=self._tree.jitter(),
                )
                self._failed(attempt, error, decision)
                if isinstance(decision, retry.GiveUp):
                    return CallFailed(error, lost=surfaced)
            finally:
                # Last of all: the slot goes to the next call only once the pool knows what this one met.
                self._tree.pool.release(attempt.lease)
            counted += decision.counts
            if decision.other_replica:
                tried.add(attempt.lease.replica.index)
            again = budget.reserve(call.account, asked)
            if isinstance(again, Exceeded):
                return again
            reservation = again
            await self._pause(reservation, decision.after_s)

    async def _pause(self, reservation: Reservation, seconds: float) -> None:
        """Wait before the next attempt, which is reserved already: a sibling must not take it meanwhile."""
        try:
            await self._tree.clock.sleep(seconds)
        except BaseException:
            budget.release(reservation)
            raise

    async def _admitted(
        self, number: int, call: Call, reservation: Reservation, ticket: Ticket, tried: set[int]
    ) -> _Attempt:
        """The next attempt, as soon as it has a slot."""
        pool, clock = self._tree.pool, self._tree.clock
        queued_at = clock.now()
        try:
            lease = await pool.acquire(ticket, self._tree.profile.model, call.key, tried)
        except BaseException:
            budget.release(reservation)
            raise
        return _Attempt(number, call, reservation, lease, queued_at=queued_at, started_at=clock.now())

    async def _attempt(self, attempt: _Attempt) -> Completion:
        try:
            self._record_start(attempt)
        except BaseException:
            budget.release(attempt.reservation)
            raise
        try:
            await self._tree.log.durable()
            async with attempt.lease:
                attempt.sent = True
                finished = await self._stream(attempt)
        except ModelError:
            raise
        except BaseException as stopped:
            self._cut_off(attempt, _why_cut_off(stopped))
            raise
        self._completed(attempt, finished)
        return Completion(attempt.text, finished.reason, finished.tokens)

    async def _stream(self, attempt: _Attempt) -> Finished:
        deltas = DeltaFeed(self._tree.journal, self._tree.clock, self._delta(attempt))
        async with aclosing(attempt.lease.replica.model.stream(self._request(attempt))) as stream:
            async for item in stream:
                if isinstance(item, Finished):
                    deltas.flush()
                    return item
                attempt.tokens = item.tokens or attempt.tokens
                if item.text:
                    attempt.first_at = attempt.first_at or self._tree.clock.now()
                    attempt.parts.append(item.text)
                    deltas.add(item.text)
        raise ModelError(FailureKind.BROKEN, "the stream ended without a finish")

    def _ticket(self, call: Call, asked_at: float) -> Ticket:
        """A place in the queue; what was waited for attempts before this one counts."""
        return Ticket(
            ticket_id=self._tree.pool.next_ticket_id(),
            priority=self._tree.priority,
            deadline=self._tree.deadline,
            continuation=call.continuation,
            depth=call.node.depth,
            tree_started=self._tree.tree_started,
            enqueued=asked_at,
            tenant=self._tree.tenant,
            tree=self._tree.log.state.tree_id,
        )

    def _request(self, attempt: _Attempt) -> ModelRequest:
        call, profile = attempt.call, self._tree.profile
        request_id = attempt_id(call_id(call.node.node_id, call.turn), attempt.number)
        return ModelRequest(
            request_id=request_id,
            model=profile.model,
            messages=call.messages,
            max_tokens=call.sampling.max_tokens,
            temperature=call.sampling.temperature,
            top_p=call.sampling.top_p,
            seed=call.seed,
            stop=call.stop,
            priority=_urgency(self._tree.priority, None if self._tree.pool.by_arrival else call),
            cache_salt=self._tree.cache_salt,
            traceparent=self._traceparent(request_id),
            options=profile.options,
        )

    def _traceparent(self, request_id: str) -> str | None:
        """What a replica's own spans hang below: those of this attempt, where the tree is traced."""
        trace = self._tree.trace_id
        return self._tree.traceparent if trace is None else f"00-{trace}-{attempt_span_id(request_id)}-01"

    def _delta(self, attempt: _Attempt) -> NodeDelta:
        node = attempt.call.node
        return NodeDelta(
            tree_id=self._tree.log.state.tree_id,
            node_id=node.node_id,
            parent_id=node.parent_id,
            depth=node.depth,
            fork_step=node.fork_step,
            turn=attempt.call.turn,
            attempt=attempt.number,
            offset=0,
            text="",
            ts=attempt.started_at,
        )

    # --- what the journal is told -------------------------------------------------------------------------------------

    def _record(self, event_type: EventType, attempt: _Attempt, data: dict[str, Any]) -> None:
        call = attempt.call
        head = {"call_id": call_id(call.node.node_id, call.turn), "attempt": attempt.number, "turn": call.turn}
        self._tree.log.record(event_type, head | data, call.node, call.turn)

    def _record_start(self, attempt: _Attempt) -> None:
        call = attempt.call
        data = {
            "replica": attempt.lease.replica.name,
            "expected_cached_tokens": attempt.lease.cached_tokens,
            "model": self._tree.profile.model,
            "sampling": {
                "temperature": call.sampling.temperature,
                "top_p": call.sampling.top_p,
                "max_tokens": call.sampling.max_tokens,
                "seed": call.seed,
            },
            "reserve": reserve_view(attempt.reservation.amount, self._tree.profile.price),
        }
        self._record(EventType.CALL_STARTED, attempt, data)

    def _completed(self, attempt: _Attempt, finished: Finished) -> None:
        self._tree.pool.succeeded(attempt.lease, finished.tokens)
        tokens = finished.tokens or self._estimate(attempt)
        usage = Usage.of(tokens, estimated=finished.tokens is None)
        data = {"text": attempt.text, "finish_reason": finished.reason}
        self._settle(EventType.CALL_COMPLETED, attempt, usage, tokens, data)

    def _failed(self, attempt: _Attempt, error: ModelError, decision: retry.Retry | retry.GiveUp) -> None:
        busy_s = decision.busy_s if isinstance(decision, retry.Retry) else 0.0
        if attempt.sent:
            self._tree.pool.failed(attempt.lease, error, busy_s=busy_s)
        tokens = self._spent_by_failure(attempt, error.kind)
        usage = Usage() if tokens is None else Usage.of(tokens, wasted=True, estimated=True)
        data = {
            "error": {"kind": error.kind.value, "message": str(error), "status": error.status},
            "retry": _retry_view(decision),
            "surfaced": bool(attempt.parts),
        }
        self._settle(EventType.CALL_FAILED, attempt, usage, tokens or Tokens(), data)

    def _cut_off(self, attempt: _Attempt, why: str) -> None:
        tokens = (attempt.tokens or self._estimate(attempt)) if attempt.sent else Tokens()
        usage = Usage.of(tokens, wasted=True, estimated=True) if attempt.sent else Usage()
        error = {"kind": "canceled", "message": why, "status": None}
        data = {"error": error, "retry": None, "surfaced": bool(attempt.parts)}
        self._settle(EventType.CALL_FAILED, attempt, usage, tokens, data)

    def _settle(
        self, event_type: EventType, attempt: _Attempt, usage: Usage, tokens: Tokens, data: dict[str, Any]
    ) -> None:
        self._tree.pool.wrote(attempt.lease, tokens.output)
        price, share_s = self._tree.profile.price, self._tree.pool.share_s(attempt.lease)
        gpu_s = price.gpu_s(share_s) if isinstance(price, GpuPrice) else None
        cost = None if price is None else price.cost(tokens, gpu_s or 0.0)
        budget.settle(attempt.reservation, Amount(tokens=tokens.total, cost=cost or Decimal(0)))
        now, first_at = self._tree.clock.now(), attempt.first_at
        settled: dict[str, Any] = {
            "replica": attempt.lease.replica.name,
            "usage": usage.as_dict(),
            "cost": None if cost is None else amount(cost),
            "times": {
                "queued_s": round(attempt.started_at - attempt.queued_at, 6),
                "first_token_s": None if first_at is None else round(first_at - attempt.started_at, 6),
                "run_s": round(now - attempt.started_at, 6),
            },
        }
        if gpu_s is not None:
            settled["gpu_s"] = gpu_s
        self._record(event_type, attempt, data | settled)

    def _spent_by_failure(self, attempt: _Attempt, kind: FailureKind) -> Tokens | None:
        """What a failed attempt cost at the replica; None where it cannot have started working."""
        if not attempt.sent:
            return None
        if attempt.tokens is not None or attempt.parts:
            return attempt.tokens or self._estimate(attempt)
        if kind in {FailureKind.TIMEOUT, FailureKind.BROKEN}:
            return self._estimate(attempt)
        return None

    def _estimate(self, attempt: _Attempt) -> Tokens:
        written = self._tree.profile.estimated_tokens(len(attempt.text.encode("utf-8", "replace")))
        return Tokens(input=attempt.call.prompt_tokens, output=min(written, attempt.call.sampling.max_tokens))


def _urgency(priority: int, call: Call | None) -> int:
    """The priority a replica is told, lower is sooner: it also decides whom it takes memory from when that runs out.

    What the client asked for comes first, then what is told in our own queue too: continuations, and deeper nodes.
    Without a call it is all: where ours goes by arrival, so does the replica's.
    """
    if call is None:
        return -priority * 10_000
    return -priority * 10_000 + (0 if call.continuation else 1_000) - min(call.node.depth, 999)


def _why_cut_off(stopped: BaseException) -> str:
    if isinstance(stopped, asyncio.CancelledError):
        return "the node was stopped"
    return f"{type(stopped).__name__}: {stopped}" if str(stopped) else type(stopped).__name__


def _retry_view(decision: retry.Retry | retry.GiveUp) -> dict[str, Any] | None:
    if isinstance(decision, retry.GiveUp):
        return None
    return {"after_s": round(decision.after_s, 3), "counts": decision.counts}
