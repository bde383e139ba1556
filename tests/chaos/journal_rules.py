"""What must hold in the journal of every tree, whatever was killed while it ran."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

from tests.chaos.scenario import MAX_NODES, TreePlan

Told: TypeAlias = Mapping[str, Any]  # an event as a client reads it

NODE_ENDS = {"node.completed", "node.failed", "node.canceled"}
COUNTS = ("calls", "input_tokens", "cached_tokens", "output_tokens", "wasted_tokens")
# How an attempt fails where nothing but the server does: its owner was killed, or let it go.
CUT_OFF = {"interrupted", "canceled"}


def journal_faults(plan: TreePlan, events: Sequence[Told]) -> Iterator[str]:
    """Everything wrong with the journal of this tree."""
    yield from _order_faults(events)
    yield from _owner_faults(plan, events)
    yield from call_faults(events)
    yield from _node_faults(events)
    yield from _sum_faults(events)
    yield from _cap_faults(plan, events)
    yield from _end_faults(plan, events[-1])


def repeated_calls(events: Sequence[Told]) -> list[str]:
    """Calls that were started again after they had finished."""
    finished, repeated = set[str](), list[str]()
    for event in events:
        if event["type"] == "call.completed":
            finished.add(event["data"]["call_id"])
        elif event["type"] == "call.started" and event["data"]["call_id"] in finished:
            repeated.append(event["data"]["call_id"])
    return repeated


def call_faults(events: Sequence[Told]) -> Iterator[str]:
    """Attempts that were not started once and settled once, in this order, or failed for another reason."""
    is_open, attempts = set[tuple[str, int]](), Counter[str]()
    for event in events:
        data = event["data"]
        if not event["type"].startswith("call."):
            continue
        key = (data["call_id"], data["attempt"])
        if event["type"] == "call.started":
            attempts[key[0]] += 1
            if data["attempt"] != attempts[key[0]]:
                yield f"call {key[0]}: attempt {data['attempt']} is its {attempts[key[0]]}."
            is_open.add(key)
            continue
        if key not in is_open:
            yield f"call {key} was settled twice, or never started"
        is_open.discard(key)
        if event["type"] == "call.failed" and data["error"]["kind"] not in CUT_OFF:
            yield f"call {key} failed: {data['error']}"
    if is_open:
        yield f"calls never settled: {sorted(is_open)}"


def _order_faults(events: Sequence[Told]) -> Iterator[str]:
    if [event["seq"] for event in events] != list(range(1, len(events) + 1)):
        yield "its events are not numbered from 1 without gaps"
    if sum(event["type"] in {"tree.completed", "tree.failed", "tree.canceled"} for event in events) != 1:
        yield "it has not one terminal event"


def _owner_faults(plan: TreePlan, events: Sequence[Told]) -> Iterator[str]:
    """Fences grow; calls are cut off only where an owner leaves or another one comes.

    In a tree that runs out of tokens a parent that fails takes its children along, too.
    """
    fences = [event["data"]["fence"] for event in events if event["type"] in {"tree.started", "tree.resumed"}]
    if fences != sorted(set(fences)):
        yield f"its fences do not grow: {fences}"
    previous: Told | None = None
    leaving = False
    for event in events:
        kind = event["data"]["error"]["kind"] if event["type"] == "call.failed" else None
        if kind == "interrupted" and not _is_resumption(previous):
            yield f"event {event['seq']}: interrupted, though no owner has just come"
        if leaving and kind != "canceled" and event["type"] != "tree.resumed":
            yield f"event {event['seq']}: {event['type']} of an owner that had let go"
        leaving = kind == "canceled" and not plan.is_poor
        previous = event


def _is_resumption(event: Told | None) -> bool:
    if event is None:
        return False
    cut = event["type"] == "call.failed" and event["data"]["error"]["kind"] == "interrupted"
    return cut or event["type"] == "tree.resumed"


def _node_faults(events: Sequence[Told]) -> Iterator[str]:
    created = Counter(event["node_id"] for event in events if event["type"] == "node.created")
    ended = Counter(event["node_id"] for event in events if event["type"] in NODE_ENDS)
    yield from (f"node {node_id} was created {times} times" for node_id, times in created.items() if times > 1)
    if created.keys() != ended.keys() or max(ended.values()) > 1:
        yield f"{len(created)} nodes were created, {ended.total()} ended"
    if len(created) != events[-1]["data"]["nodes"]["total"]:
        yield f"the tree counts {events[-1]['data']['nodes']} nodes, its journal {len(created)}"


def _sum_faults(events: Sequence[Told]) -> Iterator[str]:
    """Attempts make a node's usage, nodes make the tree's; the same for what they cost."""
    by_node, total = dict[str, Counter[str]](), Counter[str]()
    cost, estimated = Decimal(0), False
    for event in events:
        if event["type"] in {"call.completed", "call.failed"}:
            usage = event["data"]["usage"]
            by_node.setdefault(event["node_id"], Counter()).update({name: usage[name] for name in COUNTS})
            cost += Decimal(event["data"]["cost"])
            estimated = estimated or usage["estimated"]
        elif event["type"] in NODE_ENDS:
            own, said = by_node.get(event["node_id"], Counter[str]()), event["data"]["usage"]
            total.update(own)
            if any(said[name] != own[name] for name in COUNTS):
                yield f"node {event['node_id']} says it used {said}, its calls say {dict(own)}"
    tree = events[-1]["data"]
    if any(tree["usage"][name] != total[name] for name in COUNTS) or tree["usage"]["estimated"] != estimated:
        yield f"the tree says it used {tree['usage']}, its nodes say {dict(total)}"
    if Decimal(tree["cost"]["amount"]) != cost:
        yield f"the tree says it cost {tree['cost']['amount']}, its calls say {cost}"


def _cap_faults(plan: TreePlan, events: Sequence[Told]) -> Iterator[str]:
    """What is spent, and what calls in flight may still spend, stays under the limit at any time."""
    spent, reserved = 0, dict[tuple[str, int], int]()
    for event in events:
        data = event["data"]
        if event["type"] == "call.started":
            reserved[data["call_id"], data["attempt"]] = data["reserve"]["tokens"]
        elif event["type"] in {"call.completed", "call.failed"}:
            reserved.pop((data["call_id"], data["attempt"]), None)
            spent += data["usage"]["input_tokens"] + data["usage"]["output_tokens"]
        if spent + sum(reserved.values()) > plan.max_tokens:
            yield f"event {event['seq']}: {spent} tokens spent, {sum(reserved.values())} reserved, of {plan.max_tokens}"
            return
    if events[-1]["data"]["nodes"]["total"] > MAX_NODES:
        yield f"{events[-1]['data']['nodes']['total']} nodes of {MAX_NODES}"


def _end_faults(plan: TreePlan, last: Told) -> Iterator[str]:
    tree = last["data"]
    if tree["status"] == "completed":
        if tree["answer"] != plan.answer:
            yield f"its answer is {tree['answer']}, {plan.answer} is right"
    elif not plan.is_poor or tree["error"]["reason"] in {"internal", "sandbox_error"}:
        yield f"it {tree['status']}: {tree['error']}"
