"""The span of a node, the events on it, and the one span of a tree that never came to have a node."""

from collections.abc import Mapping
from typing import Any

from rao_runtime.core.events import Event, EventType
from rao_runtime.core.ids import node_span_id, post_span_id, root_id
from rao_runtime.core.limits import Reason
from rao_runtime.core.pricing import amount
from rao_runtime.core.spent import Spent
from rao_runtime.core.transitions import Status
from rao_runtime.telemetry import content, names
from rao_runtime.telemetry.open_node import OpenNode, Trace
from rao_runtime.telemetry.span import Attribute, Span, SpanKind

# The goals of a split that are told, and what of each: their nodes' own spans have them whole.
MOST_GOALS = 100
GOAL_CHARS = 200

# Failures whose message has words of the model or parts of an answer in it.
_IN_THEIR_WORDS = frozenset({Reason.UNABLE.value, Reason.CHECK_FAILED.value, Reason.ANSWER_INVALID.value})

_STATUS = {
    EventType.NODE_COMPLETED: Status.COMPLETED.value,
    EventType.NODE_FAILED: Status.FAILED.value,
    EventType.NODE_CANCELED: Status.CANCELED.value,
    EventType.TREE_COMPLETED: Status.COMPLETED.value,
    EventType.TREE_FAILED: Status.FAILED.value,
    EventType.TREE_CANCELED: Status.CANCELED.value,
}


def node_span(trace: Trace, node: OpenNode, ended: Event) -> Span:
    """The span of a node that has ended."""
    attributes = _head(trace, ended)
    _add_place(attributes, node.created)
    attributes[names.NODE_TURNS] = node.turns
    if node.parent is None:
        attributes[names.TREE_QUEUED_S] = round(max(0.0, node.start - trace.created_at), 6)
    _add_spent(attributes, "node", node.own, priced=trace.price_version is not None)
    _add_spent(attributes, "subtree", node.own + node.below, priced=trace.price_version is not None)
    if ended.data.get("verified") is not None:
        attributes[names.NODE_VERIFIED] = ended.data["verified"]
    if trace.content:
        attributes[names.INPUT_MESSAGES] = content.messages("user", node.created.data["goal"])
        if "answer" in ended.data:
            answer = content.as_json(ended.data["answer"])
            attributes[names.OUTPUT_MESSAGES] = content.messages("assistant", answer, "stop")
    events = node.happenings.kept()
    if node.happenings.count > len(events):
        attributes[names.EVENTS_DROPPED] = node.happenings.count - len(events)
    error, message = _failure(trace, ended.data.get("error"))
    return Span(
        trace_id=trace.trace_id,
        span_id=node.span_id,
        parent_id=post_span_id(trace.tree_id) if node.parent is None else node.parent.span_id,
        name=f"{names.INVOKE_AGENT} {names.AGENT}",
        kind=SpanKind.INTERNAL,
        start=node.start,
        end=max(ended.ts, node.latest),
        attributes=attributes,
        events=events,
        error=error,
        message=message,
    )


def rootless_span(trace: Trace, ended: Event) -> Span:
    """The span in place of the root's, of a tree that ended before it had one: so that its trace says why."""
    error, message = _failure(trace, ended.data["error"])
    return Span(
        trace_id=trace.trace_id,
        span_id=node_span_id(root_id(trace.tree_id)),
        parent_id=post_span_id(trace.tree_id),
        name=f"{names.INVOKE_AGENT} {names.AGENT}",
        kind=SpanKind.INTERNAL,
        start=trace.created_at,
        end=max(trace.created_at, ended.ts),
        attributes=_head(trace, ended),
        error=error,
        message=message,
    )


def _head(trace: Trace, ended: Event) -> dict[str, Attribute]:
    attributes: dict[str, Attribute] = {
        names.OPERATION: names.INVOKE_AGENT,
        names.AGENT_NAME: names.AGENT,
        names.TREE_ID: trace.tree_id,
        names.TENANT: trace.tenant,
        names.NODE_STATUS: _STATUS[ended.type],
    }
    if trace.model is not None:
        attributes[names.MODEL] = trace.model
    if trace.price_version is not None:
        attributes[names.PRICE_VERSION] = trace.price_version
    return attributes


def _add_place(attributes: dict[str, Attribute], created: Event) -> None:
    """Where the node is in its tree, and how it may work."""
    attributes[names.NODE_ID] = created.node_id or ""
    attributes[names.NODE_DEPTH] = created.depth or 0
    attributes[names.NODE_LAUNCH_INDEX] = created.data["launch_index"]
    attributes[names.NODE_MODE] = created.data["mode"]
    if created.parent_id is not None:
        attributes[names.NODE_PARENT] = created.parent_id
    if created.fork_step is not None:
        attributes[names.NODE_FORK_STEP] = created.fork_step


def _add_spent(attributes: dict[str, Attribute], of: str, spent: Spent, *, priced: bool) -> None:
    usage_names, cost, wasted = names.SPENT[of]
    for field, figure in spent.usage.as_dict().items():
        attributes[usage_names[field]] = figure
    if priced:
        attributes[cost] = amount(spent.cost)
        attributes[wasted] = amount(spent.wasted)


def _failure(trace: Trace, error: Mapping[str, Any] | None) -> tuple[str | None, str | None]:
    """The error's type and message. A cancelled node has failed as well: who asked for it gets no answer."""
    if error is None:
        return None, None
    if error["reason"] in _IN_THEIR_WORDS and not trace.content:
        return error["reason"], None
    return error["reason"], error["message"]


# --- events on it -----------------------------------------------------------------------------------------------------


def happened(trace: Trace, node: OpenNode, event: Event) -> None:
    """Note an event of the journal that is one of the span's too."""
    data = event.data
    match event.type:
        case EventType.NODE_SPLIT:
            node.happened(names.SPLIT, event.ts, _split(trace, event))
        case EventType.NODE_REFUSED:
            node.happened(names.REFUSED, event.ts, _refused(trace, data))
        case EventType.NODE_CHECK if not data["passed"]:
            told: dict[str, Attribute] = {names.CHECK_AUTHOR: data["author"], names.CHECK_TRY: data["try"]}
            if trace.content:
                told[names.CHECK_MESSAGE] = content.text(data["message"])
            node.happened(names.CHECK_FAILED, event.ts, told)
        case EventType.NODE_PUBLISHED:
            value = {names.PUBLISHED_VALUE: content.as_json(data["value"])} if trace.content else {}
            node.happened(names.PUBLISHED, event.ts, value)
        case EventType.CALL_FAILED if data["retry"] is not None:
            retry: dict[str, Attribute] = {
                names.CALL_ID: data["call_id"],
                names.CALL_ATTEMPT: data["attempt"],
                names.ERROR_TYPE: data["error"]["kind"],
                names.RETRY_AFTER_S: data["retry"]["after_s"],
            }
            node.happened(names.RETRY, event.ts, retry)
        case _:
            pass


def resumed(root: OpenNode, event: Event) -> None:
    """Note that the tree has another owner."""
    told = {names.RESUMED_FENCE: event.data["fence"], names.RESUMED_FROM: event.data["from_seq"]}
    root.happened(names.RESUMED, event.ts, told)


def _split(trace: Trace, event: Event) -> dict[str, Attribute]:
    children, reserves = event.data["children"], event.data.get("reserves", ())
    told: dict[str, Attribute] = {
        names.NODE_FORK_STEP: event.turn or 0,
        names.SPLIT_CHILDREN: len(children),
        names.SPLIT_CHILD_IDS: tuple(child["node_id"] for child in children),
        names.SPLIT_RESERVE_TOKENS: tuple(reserve["tokens"] for reserve in reserves),
    }
    costs = tuple(reserve["cost"] for reserve in reserves if reserve["cost"] is not None)
    if costs:
        told[names.SPLIT_RESERVE_USD] = costs
    if "remaining" in event.data:
        _add_remaining(told, event.data["remaining"])
    if trace.content:
        told[names.SPLIT_GOALS] = tuple(content.text(child["goal"], GOAL_CHARS) for child in children[:MOST_GOALS])
    return told


def _refused(trace: Trace, data: Mapping[str, Any]) -> dict[str, Attribute]:
    told: dict[str, Attribute] = {
        names.NODE_LAUNCH_INDEX: data["launch_index"],
        names.REFUSED_REASON: data["reason"],
        names.REFUSED_MESSAGE: data["message"],
    }
    _add_remaining(told, data["remaining"])
    if trace.content:
        told[names.REFUSED_GOAL] = content.text(data["goal"], GOAL_CHARS)
    return told


def _add_remaining(told: dict[str, Attribute], remaining: Mapping[str, Any]) -> None:
    told[names.REMAINING_NODES] = remaining["nodes"]
    told[names.REMAINING_TOKENS] = remaining["tokens"]
    if remaining["cost"] is not None:
        told[names.REMAINING_USD] = remaining["cost"]
