"""Collects the spans of a world's processes as a backend does, and holds them against its journals and its API."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rao_runtime.core.events import Event, EventType
from rao_runtime.core.ids import post_span_id
from rao_runtime.core.state import fold
from rao_runtime.ports import Observer
from rao_runtime.telemetry.span import Span, SpanKind
from rao_runtime.telemetry.tree_spans import TreeSpans
from tests.sim.world import World

# An exporter sends what it has every few seconds: this much can be lost with its process.
QUEUE_S = 5.0

TOKENS = {"input_tokens": "input_tokens", "output_tokens": "output_tokens", "cached_tokens": "cache_read.input_tokens"}


@dataclass(frozen=True, slots=True)
class Told:
    """A span, by which of the world's processes it was told, and when."""

    span: Span
    process: int
    at: float


class SpanCollector:
    """An onlooker. Spans that a process told of in its last seconds are lost, unless their tree had ended."""

    def __init__(self, *, content: bool = False) -> None:
        self._content = content
        self._told = list[Told]()
        self._begun = list[float]()

    def observers(self, world: World) -> Sequence[Observer]:
        """That of the process that starts now."""
        process = len(self._begun)
        self._begun.append(world.clock.now())

        def sink(spans: Sequence[Span]) -> None:
            self._told.extend(Told(span, process, world.clock.now()) for span in spans)

        return [TreeSpans(sink, content=self._content)]

    def spans(self, trace_id: str, ended_at: float) -> list[Span]:
        """The spans of a tree as they came through, repetitions among them."""
        return [told.span for told in self._told if told.span.trace_id == trace_id and self._arrived(told, ended_at)]

    def _arrived(self, told: Told, ended_at: float) -> bool:
        died_at = self._begun[told.process + 1] if told.process + 1 < len(self._begun) else None
        return died_at is None or told.at <= died_at - QUEUE_S or ended_at <= died_at

    async def problems(self, world: World, tree_id: str) -> Sequence[str]:
        """What does not hold of the tree's trace. One that somebody else has taken ends elsewhere."""
        if tree_id in world.invariants.taken:
            return ()
        events = await world.events(tree_id)
        view = await world.runtime.tree(tree_id, nodes=True)
        post = _post_span(events)
        trace = Trace.of(post, self.spans(post.trace_id, events[-1].ts))
        return [f"span: {tree_id}: {fault}" for fault in trace.faults(events, view)]


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace as a backend has it: by id, equal repetitions once; `torn` are ids with two different spans."""

    post: Span
    by_id: Mapping[str, Span]
    torn: Sequence[str]

    @classmethod
    def of(cls, post: Span, spans: Sequence[Span]) -> "Trace":
        """The trace of these spans below the one of the request."""
        by_id, torn = {post.span_id: post}, list[str]()
        for span in spans:
            if by_id.setdefault(span.span_id, span) != span:
                torn.append(span.span_id)
        return cls(post, by_id, torn)

    def of_operation(self, operation: str) -> list[Span]:
        """Its spans of this operation."""
        return [span for span in self.by_id.values() if span.attributes.get("gen_ai.operation.name") == operation]

    def faults(self, events: Sequence[Event], view: Mapping[str, Any]) -> Iterator[str]:
        """What does not hold, of its shape, its numbers and its sums."""
        yield from (f"two different spans {span_id}" for span_id in self.torn)
        yield from self._shape_faults()
        yield from self._count_faults(events)
        yield from self._node_faults(events, view)
        yield from self._sum_faults(view)

    def _shape_faults(self) -> Iterator[str]:
        for span in self.by_id.values():
            parent = self.by_id.get(span.parent_id or "")
            if not span.start <= span.end:
                yield f"{span.name} ends before it starts"
            if parent is None:
                if span is not self.post:
                    yield f"{span.name} {span.span_id} is an orphan"
            elif parent is not self.post and not parent.start <= span.start <= span.end <= parent.end:
                yield f"{span.name} {span.span_id} is not within its parent's time"

    def _count_faults(self, events: Sequence[Event]) -> Iterator[str]:
        happened = Counter(event.type for event in events)
        cells = sum(event.type is EventType.NODE_TURN and event.data["code"] is not None for event in events)
        # A tree that ended before its root was made has a span for it all the same.
        nodes = max(1, happened[EventType.NODE_CREATED])
        wanted = (nodes, happened[EventType.CALL_STARTED], cells + happened[EventType.TOOL_STARTED])
        found = tuple(len(self.of_operation(name)) for name in ("invoke_agent", "chat", "execute_tool"))
        if found != wanted:
            yield f"there are {found} nodes, attempts, cells and tools, and should be {wanted}"

    def _node_faults(self, events: Sequence[Event], view: Mapping[str, Any]) -> Iterator[str]:
        agents = self.of_operation("invoke_agent")
        state = fold(events[0].tree_id, events)
        names = {span.span_id: span.attributes.get("rao.node.id") for span in agents}
        below = {str(names[span.span_id]): names.get(span.parent_id or "") for span in agents if names[span.span_id]}
        if below != {node.node_id: node.parent_id for node in state.nodes.values()}:
            yield "the tree of spans is another one than the tree of nodes"
        if [span.parent_id for span in agents].count(self.post.span_id) != 1:
            yield "there is not one span below the request's"
        views = {view["node_id"]: view for view in _nodes(view)}
        for span in agents:
            yield from _figure_faults(span, views.get(str(names[span.span_id])))

    def _sum_faults(self, view: Mapping[str, Any]) -> Iterator[str]:
        calls = self.of_operation("chat")
        cost = sum((Decimal(str(span.attributes.get("rao.cost.usd", 0))) for span in calls), Decimal(0))
        if view["cost"] is not None and cost != Decimal(view["cost"]["amount"]):
            yield f"the spans cost {cost}, the tree {view['cost']['amount']}"
        for field, name in TOKENS.items():
            tokens = sum(int(str(span.attributes.get(f"gen_ai.usage.{name}", 0))) for span in calls)
            if tokens != view["usage"][field]:
                yield f"the spans have {tokens} {field}, the tree {view['usage'][field]}"


def _figure_faults(span: Span, node: Mapping[str, Any] | None) -> Iterator[str]:
    """Where a node's span says something else than the API."""
    if node is None:
        return
    told = span.attributes
    if (told["rao.node.status"], span.error) != (node["status"], node["error"] and node["error"]["reason"]):
        yield f"node {node['node_id']} is {node['status']}, its span {told['rao.node.status']} {span.error}"
    for of, usage, cost in (("node", "usage", "cost"), ("subtree", "subtree_usage", "subtree_cost")):
        if {field: told[f"rao.{of}.usage.{field}"] for field in node[usage]} != node[usage]:
            yield f"node {node['node_id']} has another {usage} than its span"
        if told.get(f"rao.{of}.cost.usd") != (node[cost] and node[cost]["amount"]):
            yield f"node {node['node_id']} has another {cost} than its span"


def _nodes(view: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    todo = [view["tree"]] if view["tree"] else []
    while todo:
        node = todo.pop()
        yield node
        todo += node["children"]


def _post_span(events: Sequence[Event]) -> Span:
    """The span of the request, as the gateway makes it."""
    created = events[0]
    return Span(
        trace_id=created.data["trace_id"],
        span_id=post_span_id(created.tree_id),
        parent_id=None,
        name="POST /solve",
        kind=SpanKind.SERVER,
        start=created.ts,
        end=created.ts,
        attributes={},
    )
