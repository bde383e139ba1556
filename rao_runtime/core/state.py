"""A tree as its journal tells it: fold the events and this is what comes out, live or years later."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rao_runtime.core.critical_path import Busy, Fork, Join, Step
from rao_runtime.core.events import NODE_ENDS, TREE_ENDS, Event, EventType
from rao_runtime.core.pricing import Sheet, sheet_from
from rao_runtime.core.spent import ZERO, Spent
from rao_runtime.core.transitions import ENDED, NODE_MOVES, TREE_MOVES, WORK, IllegalMove, Status, moved
from rao_runtime.core.usage import Usage


@dataclass(slots=True)
class Turn:
    """One think-act step as a reader sees it."""

    thought: str = ""
    code: str | None = None
    output: str | None = None
    error: str | None = None
    usage: Usage = Usage()


@dataclass(slots=True)
class NodeState:
    """One node. `usage`, `cost` and what of it was `wasted` are its own, its descendants' aside.

    `open_calls` are the starts of attempts that have not ended; `steps` is what the critical path needs.
    """

    node_id: str
    parent_id: str | None
    depth: int
    fork_step: int | None
    created: Mapping[str, Any]
    created_at: float
    status: Status = Status.SUBMITTED
    started_at: float | None = None
    ended_at: float | None = None
    answer: Any = None
    evidence: Any = None
    verified: bool | None = None
    published: Any = None
    has_published: bool = False
    error: Mapping[str, Any] | None = None
    usage: Usage = Usage()
    cost: Decimal | None = None
    wasted: Decimal = ZERO
    cell_s: float = 0.0
    turns: list[Turn] = field(default_factory=list[Turn])
    children: list[str] = field(default_factory=list[str])
    open_calls: dict[tuple[str, int], Event] = field(default_factory=dict[tuple[str, int], Event])
    steps: list[Step] = field(default_factory=list[Step])

    @property
    def spent(self) -> Spent:
        """Its own figures together."""
        return Spent(self.usage, self.cost or ZERO, self.wasted)


@dataclass(slots=True)
class TreeState:
    """One tree. Starts empty; `apply` its events in order.

    `tool_calls` counts calls by tool; `tool_states` is what tools keep within the tree.
    """

    tree_id: str
    status: Status | None = None
    created: Mapping[str, Any] = field(default_factory=dict[str, Any])
    started: Mapping[str, Any] = field(default_factory=dict[str, Any])
    end: Mapping[str, Any] | None = None
    created_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    last_seq: int = 0
    by_model: dict[str, Spent] = field(default_factory=dict[str, Spent])
    nodes: dict[str, NodeState] = field(default_factory=dict[str, NodeState])
    root_id: str | None = None
    last_published: str | None = None
    tool_calls: dict[str, int] = field(default_factory=dict[str, int])
    tool_states: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def has_ended(self) -> bool:
        """Whether the terminal event was applied."""
        return self.status in ENDED

    @property
    def spent(self) -> Spent:
        """What all attempts came to."""
        return sum(self.by_model.values(), Spent())

    @property
    def usage(self) -> Usage:
        """Tokens of all attempts."""
        return self.spent.usage

    @property
    def cost(self) -> Decimal:
        """What all attempts cost (USD); 0 for a model without a price."""
        return self.spent.cost

    @property
    def model(self) -> str | None:
        """The model it runs on; None while that is not settled."""
        return self.started.get("model", self.created.get("model"))

    @property
    def price_version(self) -> str | None:
        """The name of the price sheet it runs under; None where there is none, or none yet."""
        return self.started.get("price_version", self.created.get("price_version"))

    @property
    def price(self) -> Sheet | None:
        """The price sheet it runs under; None where there is none, or its journal is of a time that did not tell."""
        return sheet_from(self.started.get("price", self.created.get("price")))

    def apply(self, event: Event) -> None:
        """Take one event in. Raises IllegalMove, and changes nothing, where it cannot follow the ones before."""
        if event.seq != self.last_seq + 1:
            raise IllegalMove(f"event {event.seq} cannot follow event {self.last_seq}")
        if event.node_id is None:
            self._apply_to_tree(event)
        elif event.type is EventType.NODE_CREATED:
            self._create_node(event)
        else:
            self._apply_to_node(self._node(event), event)
        self.last_seq = event.seq

    def _apply_to_tree(self, event: Event) -> None:
        if event.type in TREE_ENDS and any(n.status not in ENDED for n in self.nodes.values()):
            raise IllegalMove(f"{event.type} while nodes still run")
        self.status = moved(TREE_MOVES, self.status, event.type)
        if event.type is EventType.TREE_CREATED:
            self.created, self.created_at = event.data, event.ts
        elif event.type is EventType.TREE_STARTED:
            self.started, self.started_at = event.data, event.ts
        elif event.type in TREE_ENDS:
            self.end, self.ended_at = event.data, event.ts

    def _create_node(self, event: Event) -> None:
        node_id = event.node_id
        if self.status is not Status.WORKING:
            raise IllegalMove(f"node {node_id} cannot be created in a tree that is {self.status}")
        if node_id is None or node_id in self.nodes or event.depth is None:
            raise IllegalMove(f"node {node_id} cannot be created twice, or without a depth")
        if event.parent_id is None:
            if self.root_id is not None:
                raise IllegalMove("a tree has one root")
            self.root_id = node_id
        else:
            parent = self._live(event.parent_id)
            parent.children.append(node_id)
            parent.steps.append(Fork(node_id))
        self.nodes[node_id] = NodeState(
            node_id=node_id,
            parent_id=event.parent_id,
            depth=event.depth,
            fork_step=event.fork_step,
            created=event.data,
            created_at=event.ts,
        )

    def _node(self, event: Event) -> NodeState:
        node = self.nodes.get(event.node_id or "")
        if node is None:
            raise IllegalMove(f"{event.type} of a node that was not created")
        return node

    def _live(self, node_id: str) -> NodeState:
        node = self.nodes.get(node_id)
        if node is None or node.status is not Status.WORKING:
            raise IllegalMove(f"node {node_id} is not working")
        return node

    def _apply_to_node(self, node: NodeState, event: Event) -> None:
        if event.type in WORK:
            if node.status is not Status.WORKING:
                raise IllegalMove(f"{event.type} of a node that is {node.status}")
            self._work(node, event)
            return
        if event.type in NODE_ENDS and (node.open_calls or self._has_live_child(node)):
            raise IllegalMove(f"{event.type} while calls or children still run")
        node.status = moved(NODE_MOVES, node.status, event.type)
        if event.type is EventType.NODE_STARTED:
            node.started_at = event.ts
            return
        node.ended_at = event.ts
        node.error = event.data.get("error")
        if event.type is EventType.NODE_COMPLETED:
            node.answer = event.data["answer"]
            node.evidence = event.data.get("evidence")
            node.verified = event.data.get("verified")

    def _has_live_child(self, node: NodeState) -> bool:
        return any(self.nodes[child].status not in ENDED for child in node.children)

    def _work(self, node: NodeState, event: Event) -> None:
        data = event.data
        match event.type:
            case EventType.CALL_STARTED:
                if _key(data) in node.open_calls:
                    raise IllegalMove(f"attempt {_key(data)} is started twice")
                node.open_calls[_key(data)] = event
            case EventType.CALL_COMPLETED | EventType.CALL_FAILED:
                self._settle(node, event)
            case EventType.NODE_TURN:
                turn = _turn(node, event.turn)
                turn.thought, turn.code = data["thought"], data["code"]
            case EventType.NODE_OUTPUT:
                turn = _turn(node, event.turn)
                turn.output, turn.error = data["output"], data["error"]
                _busy_cell(node, data.get("cell_s", 0.0))
                node.cell_s = 0.0
            case EventType.NODE_RESUMED:
                _busy_cell(node, data.get("cell_s", 0.0))
                node.steps.append(Join(tuple(r["node_id"] for r in data["results"] if r["node_id"] is not None)))
            case EventType.TOOL_STARTED:
                self.tool_calls[data["name"]] = self.tool_calls.get(data["name"], 0) + 1
            case EventType.TOOL_COMPLETED if "state" in data:
                self.tool_states[data["name"]] = data["state"]
            case EventType.NODE_PUBLISHED:
                node.published, node.has_published = data["value"], True
                self.last_published = node.node_id
            case _:
                pass

    def _settle(self, node: NodeState, event: Event) -> None:
        data = event.data
        started = node.open_calls.pop(_key(data), None)
        if started is None:
            raise IllegalMove(f"attempt {_key(data)} is settled, and was not open")
        usage = Usage(**data["usage"])
        cost = ZERO if data["cost"] is None else Decimal(data["cost"])
        wasted = cost if event.type is EventType.CALL_FAILED else ZERO
        node.usage += usage
        node.wasted += wasted
        if data["cost"] is not None:
            node.cost = cost + (node.cost or ZERO)
        model = started.data.get("model", self.model)
        self.by_model[model] = self.by_model.get(model, Spent()) + Spent(usage, cost, wasted)
        turn = _turn(node, data["turn"])
        turn.usage += usage
        node.steps.append(Busy(data["times"]["run_s"]))


def fold(tree_id: str, events: Iterable[Event]) -> TreeState:
    """The state after these events, which start at `seq` 1."""
    state = TreeState(tree_id)
    for event in events:
        state.apply(event)
    return state


def _key(call: Mapping[str, Any]) -> tuple[str, int]:
    return call["call_id"], call["attempt"]


def _turn(node: NodeState, index: int | None) -> Turn:
    while len(node.turns) <= (index or 0):
        node.turns.append(Turn())
    return node.turns[index or 0]


def _busy_cell(node: NodeState, cell_s: float) -> None:
    # cell_s counts from the cell's start; a step is what came since the last one.
    node.steps.append(Busy(max(0.0, cell_s - node.cell_s)))
    node.cell_s = cell_s
