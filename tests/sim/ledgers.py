"""What the journal says of calls, held against what the replicas really did."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rao_runtime.adapters.scripted_model import Attempt, Outcome
from rao_runtime.core.errors import FailureKind
from rao_runtime.core.events import NODE_ENDS, Event, EventType
from rao_runtime.core.ids import attempt_id
from rao_runtime.core.usage import Usage

SETTLED = frozenset({EventType.CALL_COMPLETED, EventType.CALL_FAILED})

# Failures at which a replica has done nothing yet, or cannot be known to have.
FREE = frozenset({FailureKind.REJECTED, FailureKind.BUSY, FailureKind.SERVER, FailureKind.UNREACHABLE})

# What a replica writes can stay unseen for so many characters: they may begin a stop string.
HELD_BACK = 16


def ledger_faults(events: Sequence[Event], attempts: Sequence[Attempt]) -> Iterator[str]:
    """Attempts that were not settled once and in time, and those whose usage is not what the replica counted."""
    settled = {_request_id(event): event for event in events if event.type in SETTLED}
    asked = Counter(attempt.request.request_id for attempt in attempts)
    yield from _order_faults(events)
    for key in sorted(settled.keys() - asked.keys()):
        # A worker that dies before it sends leaves a call that counts as sent.
        unsure = settled[key].type is EventType.CALL_FAILED and _cut(settled[key])
        if settled[key].data["usage"]["calls"] and not unsure:
            yield f"attempt {key} was booked, and no replica knows it"
    for attempt in attempts:
        key = attempt.request.request_id
        if asked[key] != 1:
            yield f"request id {key} was sent {asked[key]} times"
        elif key not in settled:
            yield f"attempt {key} is in the ledger, not in the journal"
        else:
            yield from _usage_faults(attempt, settled[key])


def _order_faults(events: Sequence[Event]) -> Iterator[str]:
    running = set[str]()
    completed = set[str]()
    ended = set[str | None]()
    for event in events:
        if event.type in NODE_ENDS:
            ended.add(event.node_id)
        elif event.type is EventType.CALL_STARTED:
            running.add(_request_id(event))
            if event.data["call_id"] in completed:
                yield f"call {event.data['call_id']} had finished and was sent again"
        elif event.type in SETTLED:
            key = _request_id(event)
            if key not in running:
                yield f"attempt {key} was settled twice, or without a start"
            if event.node_id in ended:
                yield f"attempt {key} was settled after its node's end"
            running.discard(key)
            if event.type is EventType.CALL_COMPLETED:
                completed.add(event.data["call_id"])
    if running:
        yield f"attempts never settled: {sorted(running)}"


def _usage_faults(attempt: Attempt, event: Event) -> Iterator[str]:
    usage, real = Usage(**event.data["usage"]), attempt.tokens
    name = f"attempt {attempt.request.request_id} ({attempt.outcome})"
    if event.type is EventType.CALL_FAILED and _cut(event) and usage.output_tokens < real.output:
        yield f"{name}: {usage.output_tokens} output tokens booked, {real.output} written"
    if usage.output_tokens > attempt.request.max_tokens:
        yield f"{name}: {usage.output_tokens} output tokens booked, {attempt.request.max_tokens} asked for"
    if event.type is EventType.CALL_COMPLETED:
        told = (usage.input_tokens, usage.output_tokens) == (real.input, real.output)
        if not usage.estimated and not told:
            yield f"{name}: booked {usage}, really {real}"
        if attempt.outcome is not Outcome.FINISHED or usage.wasted_tokens:
            yield f"{name}: booked as finished: {usage}"
    elif usage.calls and not (usage.estimated and usage.wasted_tokens == usage.total_tokens):
        yield f"{name}: not booked as estimated and wasted: {usage}"
    elif not usage.calls and len(attempt.text) > HELD_BACK:
        yield f"{name}: wrote {len(attempt.text)} characters, and was not booked"
    elif not usage.calls and attempt.failure not in FREE:
        yield f"{name}: was not booked, though the replica worked on it"


def _cut(event: Event) -> bool:
    return event.data["error"]["kind"] == "interrupted"


def _request_id(event: Event) -> str:
    return attempt_id(event.data["call_id"], event.data["attempt"])
