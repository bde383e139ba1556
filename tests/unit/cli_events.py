"""Makes the events of a tree, as a server sends them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

TREE = "01k0000000000000000000tree"
Event = dict[str, Any]


def at(second: float) -> str:
    """A timestamp that many seconds after the epoch."""
    return datetime.fromtimestamp(second, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def usage(input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> dict[str, Any]:
    """The usage of one call."""
    return {
        "calls": 1,
        "input_tokens": input_tokens,
        "cached_tokens": cached_tokens,
        "output_tokens": output_tokens,
        "wasted_tokens": 0,
        "estimated": False,
    }


class Story:
    """Tells events in order: numbers them, and knows where each node stands."""

    def __init__(self) -> None:
        self.events = list[Event]()
        self._places = dict[str, dict[str, Any]]()

    def tell(
        self, kind: str, node: str | None = None, *, ts: float = 0.0, turn: int | None = None, **data: object
    ) -> Event:
        """One more event."""
        return self._add(kind, node, ts, turn, data)

    def _add(self, kind: str, node: str | None, ts: float, turn: int | None, data: Mapping[str, object]) -> Event:
        place = self._places.get(node or "", {"parent_id": None, "depth": None, "fork_step": None})
        event = {
            "v": 1,
            "seq": len(self.events) + 1,
            "type": kind,
            "tree_id": TREE,
            "node_id": node,
            **place,
            "turn": turn,
            "ts": at(ts),
            "data": data,
        }
        self.events.append(event)
        return event

    def begin(self, goal: str = "the goal") -> None:
        """The tree is accepted and starts."""
        self.tell("tree.created", request={"goal": goal})
        self.tell("tree.started")

    def node(self, node: str, parent: str | None = None, *, goal: str = "", ts: float = 0.0) -> None:
        """A node is created and starts."""
        depth = 0 if parent is None else self._places[parent]["depth"] + 1
        self._places[node] = {"parent_id": parent, "depth": depth, "fork_step": None if parent is None else 0}
        self.tell("node.created", node, ts=ts, goal=goal or f"goal of {node}")
        self.tell("node.started", node, ts=ts)

    def call(self, node: str, turn: int = 0, *, cost: str | None = None) -> None:
        """A call of 100 input tokens, 40 of them cached, and 10 output tokens."""
        self.tell("call.started", node, turn=turn)
        self.tell("call.completed", node, turn=turn, usage=usage(100, 10, 40), cost=cost)

    def end(self, status: str = "completed", *, ts: float = 0.0, **fields: object) -> None:
        """The tree ends."""
        self._add(f"tree.{status}", None, ts, None, {"tree_id": TREE, "status": status, **fields})
