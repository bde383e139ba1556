"""What the journals say of calls, held against what really reached the replica."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rao_runtime.standin.ledger import Entry, Outcome
from tests.chaos.journal_rules import CUT_OFF, Told

SETTLED = {"call.completed", "call.failed"}


def ledger_faults(journals: Sequence[Sequence[Told]], entries: Sequence[Entry]) -> Iterator[str]:
    """Requests that the journals do not know, know otherwise, or should have kept from being sent."""
    events = [event for journal in journals for event in journal]
    started = {_request_id(event["data"]) for event in events if event["type"] == "call.started"}
    settled = {_request_id(event["data"]): event for event in events if event["type"] in SETTLED}
    entries = _of_trees(entries)
    sent = Counter(entry.request_id for entry in entries)
    yield from (f"request {name} was sent {times} times" for name, times in sent.items() if times > 1)
    for entry in entries:
        name = entry.request_id
        if name not in started:
            yield f"request {name} was sent before its start was journaled"
        elif name in settled:
            yield from _attempt_faults(entry, settled[name])
    for name, event in settled.items():
        if event["type"] == "call.completed" and name not in sent:
            yield f"attempt {name} is journaled as completed, and was never sent"


def sent_again(journals: Sequence[Sequence[Told]], entries: Sequence[Entry]) -> set[str]:
    """Calls that reached the replica again though an earlier attempt of theirs is journaled as completed."""
    completed = {
        event["data"]["call_id"]: event["data"]["attempt"]
        for journal in journals
        for event in journal
        if event["type"] == "call.completed"
    }
    attempts = (entry.request_id.rsplit("-a", 1) for entry in _of_trees(entries))
    return {call for call, attempt in attempts if int(attempt) > completed.get(call, int(attempt))}


def _of_trees(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Without what the pool asks for itself, of which no journal knows: canaries of replicas that may hang."""
    return [entry for entry in entries if not entry.request_id.startswith("upkeep-")]


def _attempt_faults(entry: Entry, event: Told) -> Iterator[str]:
    data, name = event["data"], entry.request_id
    usage = data["usage"]
    if event["type"] == "call.completed":
        if entry.outcome not in {Outcome.STOP, Outcome.LENGTH}:
            yield f"{name} is journaled as completed, and ended as {entry.outcome}"
        told = (usage["input_tokens"], usage["output_tokens"], usage["estimated"], usage["wasted_tokens"])
        if told != (entry.prompt_tokens, entry.completion_tokens, False, 0):
            yield f"{name} is booked as {usage}, the replica counted {entry}"
        return
    total = usage["input_tokens"] + usage["output_tokens"]
    if data["error"]["kind"] in CUT_OFF and not (
        usage["calls"] == 1 and usage["estimated"] and usage["wasted_tokens"] == total > 0
    ):
        yield f"{name} was sent and cut off, and is not booked as estimated and wasted: {usage}"
    if data["error"]["kind"] == "interrupted" and usage["output_tokens"] < entry.completion_tokens:
        yield f"{name}: {entry.completion_tokens} tokens were written, {usage['output_tokens']} are booked"


def _request_id(data: Mapping[str, Any]) -> str:
    return f"{data['call_id']}-a{data['attempt']}"
