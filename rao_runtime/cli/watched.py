"""A tree as its events tell it to somebody who watches. What it does not know it skips."""

from collections import Counter, deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rao_runtime.cli import fields
from rao_runtime.cli.fields import Json
from rao_runtime.cli.server_time import from_iso

SUBMITTED, WORKING, WAITING = "submitted", "working", "waiting"
RECENT = 500


@dataclass(slots=True, eq=False)
class Node:
    """One node; `order` counts nodes as they appeared; times are the server's epoch seconds."""

    node_id: str
    parent_id: str | None
    depth: int
    order: int
    goal: str = ""
    ended: str | None = None
    error: Json = field(default_factory=dict[str, Any])
    is_started: bool = False
    calls_open: int = 0
    children_live: int = 0
    turns: int = 0
    tokens: int = 0
    cost: Decimal | None = None
    created_at: float | None = None
    ended_at: float | None = None

    @property
    def status(self) -> str:
        """A status of the API; a working node that only has its children to wait for is `waiting`."""
        if self.ended is not None:
            return self.ended
        if not self.is_started:
            return SUBMITTED
        return WAITING if self.children_live and not self.calls_open else WORKING

    def elapsed_s(self, now: float | None) -> float | None:
        """From its creation to its end, or until now."""
        return _between(self.created_at, now if self.ended is None else self.ended_at)


@dataclass(slots=True)
class Totals:
    """What the whole tree used."""

    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = None

    def add(self, usage: Json, cost: Decimal | None) -> None:
        """Add a usage of the API."""
        self.calls += fields.number(usage.get("calls"))
        self.input_tokens += fields.number(usage.get("input_tokens"))
        self.cached_tokens += fields.number(usage.get("cached_tokens"))
        self.output_tokens += fields.number(usage.get("output_tokens"))
        self.cost = _sum(self.cost, cost)


@dataclass(slots=True)
class WatchedTree:
    """Starts empty; `apply` the events in order.

    `live` holds the nodes that have not ended, `recent` the last ones that have, `end` the tree once it has ended.
    """

    tree_id: str = ""
    status: str = SUBMITTED
    goal: str = ""
    created_at: float | None = None
    ended_at: float | None = None
    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    live: dict[str, Node] = field(default_factory=dict[str, Node])
    recent: deque[Node] = field(default_factory=lambda: deque[Node](maxlen=RECENT))
    ended: Counter[str] = field(default_factory=Counter[str])
    totals: Totals = field(default_factory=Totals)
    max_depth: int = 0
    has_gap: bool = False
    end: Json | None = None
    last_seq: int = 0

    def apply(self, event: Json) -> None:
        """Take one event in; one that was there before changes nothing."""
        seq = event.get("seq")
        if isinstance(seq, int):
            if seq <= self.last_seq:
                return
            self.last_seq = seq
        self.tree_id = self.tree_id or fields.text(event.get("tree_id"))
        kind, data = fields.text(event.get("type")), fields.mapping(event.get("data"))
        if kind.startswith("tree.") or kind == "stream.gap":
            self._apply_to_tree(kind, event, data)
        elif isinstance(event.get("node_id"), str):
            self._apply_to_node(kind, event, data)

    def add(self, node: Node) -> None:
        """Take a node in, after its parent."""
        self.nodes[node.node_id] = node
        self.max_depth = max(self.max_depth, node.depth)
        if node.ended is None:
            self.live[node.node_id] = node
            self._count_child(node, 1)
        else:
            self._count_ended(node, node.ended)

    def elapsed_s(self, now: float | None) -> float | None:
        """From its creation to its end, or until now."""
        return _between(self.created_at, now if self.end is None else self.ended_at)

    def counts(self) -> Counter[str]:
        """How many nodes there are by status, those that have not ended first."""
        order = Counter({WORKING: 0, WAITING: 0, SUBMITTED: 0})
        order.update(node.status for node in self.live.values())
        order.update(self.ended)
        return +order

    def _apply_to_tree(self, kind: str, event: Json, data: Json) -> None:
        match kind:
            case "tree.created":
                self.goal = fields.text(fields.mapping(data.get("request")).get("goal"))
                self.created_at = from_iso(event.get("ts"))
            case "tree.started":
                self.status = WORKING
            case "stream.gap":
                self.has_gap = True
                self._take_totals(data)
            case "tree.completed" | "tree.failed" | "tree.canceled":
                self.end, self.ended_at = data, from_iso(event.get("ts"))
                self._take_totals(data)
            case _:
                pass

    def _take_totals(self, tree: Json) -> None:
        self.status = fields.text(tree.get("status")) or self.status
        if self.created_at is None:
            self.created_at = from_iso(fields.mapping(tree.get("timing")).get("created_at"))
        self.totals = Totals()
        self.totals.add(fields.mapping(tree.get("usage")), fields.cost(tree.get("cost")))

    def _apply_to_node(self, kind: str, event: Json, data: Json) -> None:
        node = self.nodes.get(event["node_id"]) or self._new_node(event)
        turn = event.get("turn")
        if isinstance(turn, int):
            node.turns = max(node.turns, turn + 1)
        match kind:
            case "node.created":
                node.goal = fields.text(data.get("goal"))
            case "node.started":
                node.is_started = True
            case "call.started":
                node.calls_open += 1
            case "call.completed" | "call.failed":
                self._settle(node, data)
            case "node.completed" | "node.failed" | "node.canceled":
                self._end(node, event, data)
            case _:
                pass

    def _new_node(self, event: Json) -> Node:
        depth = fields.number(event.get("depth"))
        node = Node(event["node_id"], event.get("parent_id"), depth, len(self.nodes))
        node.created_at = from_iso(event.get("ts"))
        # A node whose creation fell into a gap is known by what it does.
        node.is_started = event.get("type") != "node.created"
        self.add(node)
        return node

    def _settle(self, node: Node, data: Json) -> None:
        usage, cost = fields.mapping(data.get("usage")), fields.cost(data.get("cost"))
        node.calls_open = max(0, node.calls_open - 1)
        node.tokens += fields.number(usage.get("input_tokens")) + fields.number(usage.get("output_tokens"))
        node.cost = _sum(node.cost, cost)
        self.totals.add(usage, cost)

    def _end(self, node: Node, event: Json, data: Json) -> None:
        if self.live.pop(node.node_id, None) is None:
            return
        node.ended = fields.text(event.get("type")).removeprefix("node.")
        node.ended_at = from_iso(event.get("ts"))
        node.error = fields.mapping(data.get("error"))
        self._count_ended(node, node.ended)
        self._count_child(node, -1)

    def _count_ended(self, node: Node, status: str) -> None:
        self.ended[status] += 1
        self.recent.append(node)

    def _count_child(self, node: Node, change: int) -> None:
        parent = self.nodes.get(node.parent_id or "")
        if parent is not None:
            parent.children_live += change


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return one if other is None else other + (one or 0)


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else max(0.0, end - start)
