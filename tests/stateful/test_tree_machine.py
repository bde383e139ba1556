"""Events against the state of a tree: legal moves are taken, all others refused without a trace."""

from copy import deepcopy

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rao_runtime.core.events import Event, EventType
from rao_runtime.core.state import TreeState, fold
from rao_runtime.core.transitions import ENDED, IllegalMove
from tests.stateful.tree_events import CALLS, DATA, NODE_ENDS, OF_NODE, OF_TREE, WORK, ModelTree

names = st.integers(0, 7).map("n{}".format)
attempts = st.integers(1, 2)


class TreeMachine(RuleBasedStateMachine):
    """`model` says what is legal, `state` is what is tested, `taken` the journal so far."""

    def __init__(self) -> None:
        super().__init__()
        self.state = TreeState("t")
        self.model = ModelTree()
        self.taken = list[Event]()

    # Anything at all, mostly illegal.

    @rule(kind=st.sampled_from(OF_TREE))
    def tree_event(self, kind: EventType) -> None:
        self._offer(Event(seq=self._next(), type=kind, tree_id="t", ts=self._ts()), legal=self.model.takes_tree(kind))

    @rule(node_id=names, parent=st.none() | names)
    def birth(self, node_id: str, parent: str | None) -> None:
        legal = self.model.takes_birth(node_id, parent)
        self._offer(self._of_node(EventType.NODE_CREATED, node_id, parent=parent), legal=legal)

    @rule(kind=st.sampled_from(OF_NODE), node_id=names, attempt=attempts)
    def node_event(self, kind: EventType, node_id: str, attempt: int) -> None:
        self._offer(self._of_node(kind, node_id, attempt=attempt), legal=self.model.takes(node_id, kind, attempt))

    @rule(gap=st.sampled_from([-1, 1, 5]), kind=st.sampled_from(OF_TREE))
    def out_of_order(self, gap: int, kind: EventType) -> None:
        self._offer(Event(seq=self._next() + gap, type=kind, tree_id="t", ts=self._ts()), legal=False)

    # What gets a tree somewhere.

    @precondition(lambda self: self.model.status in {"nothing", "accepted"})
    @rule()
    def go_on(self) -> None:
        self.tree_event(EventType.TREE_CREATED if self.model.status == "nothing" else EventType.TREE_STARTED)

    @precondition(lambda self: self.model.status == "runs")
    @rule(data=st.data())
    def grow(self, data: st.DataObject) -> None:
        parents = [name for name, node in self.model.nodes.items() if node.status == "works"] or [None]
        self.birth(f"n{len(self.model.nodes)}", data.draw(st.sampled_from(parents)))

    @precondition(lambda self: any(node.status == "new" for node in self.model.nodes.values()))
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        self.node_event(EventType.NODE_STARTED, data.draw(st.sampled_from(self._nodes("new"))), 1)

    @precondition(lambda self: any(node.status == "works" for node in self.model.nodes.values()))
    @rule(data=st.data(), kind=st.sampled_from([*WORK, *NODE_ENDS]), attempt=attempts)
    def work(self, data: st.DataObject, kind: EventType, attempt: int) -> None:
        self.node_event(kind, data.draw(st.sampled_from(self._nodes("works"))), attempt)

    @precondition(lambda self: any(node.status == "works" for node in self.model.nodes.values()))
    @rule(data=st.data(), end=st.sampled_from(CALLS[1:]), early=st.none() | st.sampled_from(NODE_ENDS))
    def call(self, data: st.DataObject, end: EventType, early: EventType | None) -> None:
        """A whole call; sometimes the node tries to end in the middle of it."""
        node_id = data.draw(st.sampled_from(self._nodes("works")))
        self.node_event(EventType.CALL_STARTED, node_id, 1)
        if early is not None:
            self.node_event(early, node_id, 1)
        self.node_event(end, node_id, 1)

    @precondition(lambda self: any(node.status == "new" for node in self.model.nodes.values()))
    @rule(data=st.data(), kind=st.sampled_from(NODE_ENDS))
    def end_before_the_start(self, data: st.DataObject, kind: EventType) -> None:
        self.node_event(kind, data.draw(st.sampled_from(self._nodes("new"))), 1)

    # What always holds.

    @invariant()
    def the_sum_over_nodes_is_the_tree(self) -> None:
        settled = sum(node.settled for node in self.model.nodes.values())
        assert self.state.usage.calls == settled
        assert self.state.usage.total_tokens == sum(n.usage.total_tokens for n in self.state.nodes.values())
        assert self.state.cost == sum(n.cost or 0 for n in self.state.nodes.values())

    @invariant()
    def the_journal_folds_to_the_live_state(self) -> None:
        assert fold("t", self.taken) == self.state

    @invariant()
    def an_ended_parent_has_no_live_descendant_and_no_open_call(self) -> None:
        for node in self.state.nodes.values():
            if node.status in ENDED:
                assert not node.open_calls
                assert all(self.state.nodes[child].status in ENDED for child in node.children)
        if self.state.has_ended:
            assert all(node.status in ENDED for node in self.state.nodes.values())

    def _offer(self, event: Event, *, legal: bool) -> None:
        if legal:
            self.state.apply(event)
            self.taken.append(event)
            return
        before = deepcopy(self.state)
        with pytest.raises(IllegalMove):
            self.state.apply(event)
        assert self.state == before

    def _of_node(self, kind: EventType, node_id: str, *, parent: str | None = None, attempt: int = 1) -> Event:
        data = {"call_id": f"{node_id}-t0", "attempt": attempt, "turn": 0, **DATA.get(kind, {})}
        return Event(
            seq=self._next(),
            type=kind,
            tree_id="t",
            ts=self._ts(),
            node_id=node_id,
            parent_id=parent,
            depth=0 if parent is None else 1,
            turn=0,
            data=data,
        )

    def _next(self) -> int:
        return self.state.last_seq + 1

    def _ts(self) -> float:
        return 1_000.0 + self.state.last_seq

    def _nodes(self, status: str) -> list[str]:
        return [name for name, node in self.model.nodes.items() if node.status == status]


TestTree = TreeMachine.TestCase
TestTree.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
