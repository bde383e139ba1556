"""Events of every type with just enough in them, and a model of what may follow what: written apart from the tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rao_runtime.core.events import EventType as E

USAGE = {
    "calls": 1,
    "input_tokens": 10,
    "cached_tokens": 0,
    "output_tokens": 5,
    "wasted_tokens": 0,
    "estimated": False,
}
DATA: Mapping[E, Mapping[str, Any]] = {
    E.CALL_STARTED: {},
    E.CALL_COMPLETED: {"usage": USAGE, "cost": "0.5", "times": {"run_s": 1.0}},
    E.CALL_FAILED: {"usage": USAGE, "cost": None, "times": {"run_s": 1.0}},
    E.NODE_TURN: {"thought": "t", "code": "c"},
    E.NODE_OUTPUT: {"output": "o", "error": None, "cell_s": 0.25},
    E.NODE_RESUMED: {"results": [{"node_id": "n0"}], "cell_s": 0.125},
    E.NODE_PUBLISHED: {"value": 7},
    E.TOOL_STARTED: {"name": "look", "arguments": {}},
    E.TOOL_COMPLETED: {"name": "look", "result": 1, "state": {"looked": 1}},
    E.NODE_COMPLETED: {"answer": 1},
    E.NODE_FAILED: {"error": {"reason": "turns"}},
    E.NODE_CANCELED: {"error": {"reason": "canceled"}},
}
OF_TREE = [
    E.TREE_CREATED,
    E.TREE_STARTED,
    E.TREE_RESUMED,
    E.LIMITS_CHANGED,
    E.TREE_COMPLETED,
    E.TREE_FAILED,
    E.TREE_CANCELED,
]
CALLS = [E.CALL_STARTED, E.CALL_COMPLETED, E.CALL_FAILED]
WORK = [
    *CALLS,
    E.NODE_TURN,
    E.NODE_SPLIT,
    E.NODE_REFUSED,
    E.NODE_RESUMED,
    E.NODE_OUTPUT,
    E.NODE_CHECK,
    E.NODE_PUBLISHED,
    E.TOOL_STARTED,
    E.TOOL_COMPLETED,
]
NODE_ENDS = [E.NODE_COMPLETED, E.NODE_FAILED, E.NODE_CANCELED]
OF_NODE = [E.NODE_STARTED, *WORK, *NODE_ENDS]


@dataclass
class ModelNode:
    """One node as the model sees it: `new`, `works` or `over`."""

    parent: str | None
    status: str = "new"
    calls: set[int] = field(default_factory=set[int])
    settled: int = 0


@dataclass
class ModelTree:
    """What a tree may do next, in plain words."""

    status: str = "nothing"
    nodes: dict[str, ModelNode] = field(default_factory=dict[str, ModelNode])

    def takes_tree(self, kind: E) -> bool:
        """Whether an event of the tree itself may come now; if so it has come."""
        quiet = all(node.status == "over" for node in self.nodes.values())
        ends = {E.TREE_FAILED, E.TREE_CANCELED}
        match kind:
            case E.TREE_CREATED:
                legal, after = self.status == "nothing", "accepted"
            case E.TREE_STARTED:
                legal, after = self.status == "accepted", "runs"
            case E.TREE_RESUMED:
                legal, after = self.status == "runs", "runs"
            case E.LIMITS_CHANGED:
                legal, after = self.status in {"accepted", "runs"}, self.status
            case _:
                begun = {"accepted", "runs"} if kind in ends else {"runs"}
                legal, after = quiet and self.status in begun, "over"
        self.status = after if legal else self.status
        return legal

    def takes_birth(self, node_id: str, parent: str | None) -> bool:
        """Whether this node may be created now."""
        legal = self.status == "runs" and node_id not in self.nodes
        if parent is None:
            legal = legal and not self.nodes
        else:
            legal = legal and parent in self.nodes and self.nodes[parent].status == "works"
        if legal:
            self.nodes[node_id] = ModelNode(parent)
        return legal

    def takes(self, node_id: str, kind: E, attempt: int) -> bool:
        """Whether this may happen to the node now."""
        node = self.nodes.get(node_id)
        if node is None:
            return False
        if kind in CALLS:
            return self._takes_call(node, kind, attempt)
        if kind in WORK:
            return node.status == "works"
        if kind is E.NODE_STARTED:
            legal, after = node.status == "new", "works"
        else:
            below = any(n.parent == node_id and n.status != "over" for n in self.nodes.values())
            begun = {"works"} if kind is E.NODE_COMPLETED else {"new", "works"}
            legal, after = node.status in begun and not below and not node.calls, "over"
        node.status = after if legal else node.status
        return legal

    def _takes_call(self, node: ModelNode, kind: E, attempt: int) -> bool:
        if node.status != "works" or (attempt in node.calls) == (kind is E.CALL_STARTED):
            return False
        node.calls ^= {attempt}
        node.settled += kind is not E.CALL_STARTED
        return True
