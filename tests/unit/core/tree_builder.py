"""Builds journals of small trees, one call an event."""

from typing import Any, Self

from rao_runtime.core.events import Event, EventType
from rao_runtime.core.state import TreeState, fold
from rao_runtime.core.usage import Tokens, Usage

CREATED: dict[str, Any] = {
    "request": {"goal": "count them", "mode": "auto", "metadata": {"team": "search"}},
    "limits": {"max_depth": 4},
    "model": "m",
    "price_version": "v1",
    "trace_id": "0" * 31 + "1",
}
STARTED = {"model": "m", "price_version": "v1", "mode": {"effective": "recursive"}}


class TreeBuilder:
    """A journal that grows; `at` is the time of the next event, in epoch seconds."""

    def __init__(self, *, begun: bool = True) -> None:
        self.events = list[Event]()
        self.at = 1_000.0
        self._parents = dict[str, str | None]()
        if begun:
            self.tree(EventType.TREE_CREATED, **CREATED).tree(EventType.TREE_STARTED, **STARTED)

    @property
    def state(self) -> TreeState:
        """The state after all events so far."""
        return fold("t", self.events)

    def tree(self, kind: EventType, **data: Any) -> Self:  # noqa: ANN401 - an event's data is any JSON
        """An event of the tree itself."""
        self.events.append(Event(seq=len(self.events) + 1, type=kind, tree_id="t", ts=self.at, data=data))
        return self

    def node(self, node_id: str, kind: EventType, turn: int | None = None, /, **data: Any) -> Self:  # noqa: ANN401 - as above
        """An event of a node."""
        depth, above = 0, self._parents.get(node_id)
        while above is not None:
            depth, above = depth + 1, self._parents.get(above)
        self.events.append(
            Event(
                seq=len(self.events) + 1,
                type=kind,
                tree_id="t",
                ts=self.at,
                node_id=node_id,
                parent_id=self._parents.get(node_id),
                depth=depth,
                fork_step=None if depth == 0 else 0,
                turn=turn,
                data=data,
            )
        )
        return self

    def born(self, node_id: str, parent: str | None = None, index: int = 0) -> Self:
        """A node that is created and started."""
        self._parents[node_id] = parent
        self.node(node_id, EventType.NODE_CREATED, goal=f"goal of {node_id}", launch_index=index)
        return self.node(node_id, EventType.NODE_STARTED)

    def call(
        self,
        node_id: str,
        turn: int,
        tokens: Tokens,
        *,
        cost: str | None = None,
        run_s: float = 1.0,
        model: str = "m",
        attempt: int = 1,
    ) -> Self:
        """A call that completed."""
        head = {"call_id": f"{node_id}-t{turn}", "attempt": attempt, "turn": turn}
        self.node(node_id, EventType.CALL_STARTED, turn, **head, model=model)
        usage = Usage.of(tokens).as_dict()
        return self.node(
            node_id, EventType.CALL_COMPLETED, turn, **head, usage=usage, cost=cost, times={"run_s": run_s}
        )

    def failed_call(
        self,
        node_id: str,
        turn: int,
        tokens: Tokens,
        *,
        cost: str | None = None,
        model: str = "m",
        attempt: int = 1,
    ) -> Self:
        """An attempt that gave no result, of which nobody counted the tokens."""
        head = {"call_id": f"{node_id}-t{turn}", "attempt": attempt, "turn": turn}
        self.node(node_id, EventType.CALL_STARTED, turn, **head, model=model)
        usage = Usage.of(tokens, wasted=True, estimated=True).as_dict()
        return self.node(node_id, EventType.CALL_FAILED, turn, **head, usage=usage, cost=cost, times={"run_s": 1.0})

    def done(self, node_id: str, answer: object) -> Self:
        """A node that finished."""
        return self.node(node_id, EventType.NODE_COMPLETED, answer=answer)
