"""Spans of trees as a fold over their journals: one trace a tree, each span made when what it tells of has ended.

Everything in a span follows from the journal, its id too: whoever owns the tree when something ends makes the same one.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from math import inf

from rao_runtime.core.events import NODE_ENDS, TREE_ENDS, Event, EventType
from rao_runtime.core.ids import node_span_id
from rao_runtime.core.spent import ZERO, Spent
from rao_runtime.core.usage import Usage
from rao_runtime.ports import TreeWatch
from rao_runtime.telemetry.call_spans import chat_span
from rao_runtime.telemetry.node_spans import happened, node_span, resumed, rootless_span
from rao_runtime.telemetry.open_node import OpenNode, Trace
from rao_runtime.telemetry.span import Span
from rao_runtime.telemetry.tool_spans import cell_span, tool_span

# A worker that died may have had spans of so long in its exporter's queue. Told twice, a span is still one span.
AGAIN_S = 60.0

Sink = Callable[[Sequence[Span]], None]


class TreeSpans:
    """An observer that gives `sink` the spans of sampled trees as they end, always on the event loop.

    `content`: whether goals, texts, code and answers are told as well. A tree that is taken over has those spans told
    again, equal in everything, that ended in the last minute of its journal.
    """

    def __init__(self, sink: Sink, *, content: bool) -> None:
        self._sink = sink
        self._content = content

    def watch(self, past: Sequence[Event]) -> TreeWatch:
        """Go on with the tree that has this past."""
        # A journal of an older version says nothing of it.
        if not past[0].data.get("sampled"):
            return _NotSampled()
        return _TreeFold(past, self._sink, content=self._content)


class _NotSampled:
    """A tree that is not traced."""

    def saw(self, events: Sequence[Event]) -> None:
        """Nothing comes of it."""


class _TreeFold:
    """The spans of one tree that are open, and those that ended and are to be told."""

    def __init__(self, past: Sequence[Event], sink: Sink, *, content: bool) -> None:
        self._sink = sink
        self._trace = _trace_of(past[0], content=content)
        self._nodes = dict[str, OpenNode]()
        self._root: OpenNode | None = None
        self._ended = list[Span]()
        # Spans of the past wait for the first new event: `watch` may be called beside the loop.
        self._since = past[-1].ts - AGAIN_S
        self._fold(past[1:])
        self._since = -inf

    def saw(self, events: Sequence[Event]) -> None:
        """Take these in, and tell of what ended."""
        self._fold(events)
        if self._ended:
            ended, self._ended = self._ended, []
            self._sink(ended)

    def _fold(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.node_id is None:
                self._of_tree(event)
            elif event.type is EventType.NODE_CREATED:
                self._created(event, event.node_id)
            else:
                self._of_node(self._nodes[event.node_id], event)

    def _of_tree(self, event: Event) -> None:
        if event.type is EventType.TREE_STARTED:
            self._trace.model = event.data["model"]
            self._trace.price_version = event.data["price_version"]
        elif event.type is EventType.TREE_RESUMED and self._root is not None:
            resumed(self._root, event)
        elif event.type in TREE_ENDS and self._root is None:
            self._ended.append(rootless_span(self._trace, event))

    def _created(self, event: Event, node_id: str) -> None:
        parent = None if event.parent_id is None else self._nodes[event.parent_id]
        start = event.ts if parent is None else max(event.ts, parent.start)
        node = OpenNode(created=event, span_id=node_span_id(node_id), parent=parent, start=start, latest=start)
        self._nodes[node_id] = node
        if parent is None:
            self._root = node

    def _of_node(self, node: OpenNode, event: Event) -> None:
        match event.type:
            case EventType.NODE_STARTED:
                node.start = node.latest = max(event.ts, node.start)
            case EventType.CALL_STARTED:
                node.calls[event.data["call_id"], event.data["attempt"]] = event
            case EventType.CALL_COMPLETED | EventType.CALL_FAILED:
                self._call_ended(node, event)
            case EventType.NODE_TURN:
                node.turns += 1
                node.cell = event if event.data["code"] is not None else None
            case EventType.NODE_OUTPUT:
                self._cell_ended(node, event)
            case EventType.TOOL_STARTED:
                node.tools[event.data["call_id"]] = event
            case EventType.TOOL_COMPLETED:
                self._tool_ended(node, event.data["call_id"], event)
            case _ if event.type in NODE_ENDS:
                self._node_ended(node, event)
                return
            case _:
                pass
        happened(self._trace, node, event)

    # --- what ends ----------------------------------------------------------------------------------------------------

    def _call_ended(self, node: OpenNode, event: Event) -> None:
        started = node.calls.pop((event.data["call_id"], event.data["attempt"]))
        node.own += _spent(event)
        start, end = node.within(started.ts, event.ts)
        if end >= self._since:
            self._ended.append(chat_span(self._trace, node, started, event, start, end))

    def _cell_ended(self, node: OpenNode, event: Event) -> None:
        begun, node.cell = node.cell, None
        if begun is None:
            return
        start, end = node.within(begun.ts, event.ts)
        if end >= self._since:
            self._ended.append(cell_span(self._trace, node, begun, event, start, end))

    def _tool_ended(self, node: OpenNode, call_id: str, event: Event) -> None:
        begun = node.tools.pop(call_id)
        start, end = node.within(begun.ts, event.ts)
        if end >= self._since:
            self._ended.append(tool_span(self._trace, node, begun, event, start, end))

    def _node_ended(self, node: OpenNode, event: Event) -> None:
        for call_id in list(node.tools):
            self._tool_ended(node, call_id, event)
        self._cell_ended(node, event)
        span = node_span(self._trace, node, event)
        if span.end >= self._since:
            self._ended.append(span)
        del self._nodes[node.created.node_id or ""]
        if node.parent is not None:
            node.parent.below += node.own + node.below
            node.parent.latest = max(node.parent.latest, span.end)


def _trace_of(created: Event, *, content: bool) -> Trace:
    data = created.data
    return Trace(
        trace_id=data["trace_id"],
        tree_id=created.tree_id,
        tenant=data["tenant"],
        created_at=created.ts,
        content=content,
        model=data["model"],
        price_version=data["price_version"],
    )


def _spent(ended: Event) -> Spent:
    """What an attempt came to."""
    cost = Decimal(ended.data["cost"] or 0)
    return Spent(Usage(**ended.data["usage"]), cost, cost if ended.type is EventType.CALL_FAILED else ZERO)
