"""A tree as its journal tells it."""

from copy import deepcopy
from dataclasses import replace
from decimal import Decimal

import pytest

from rao_runtime.core.critical_path import Busy, Fork, Join
from rao_runtime.core.events import EventType
from rao_runtime.core.state import TreeState
from rao_runtime.core.transitions import IllegalMove, Status
from rao_runtime.core.usage import Tokens, Usage
from tests.unit.core.tree_builder import TreeBuilder


def test_usage_and_cost_add_up_per_turn_per_node_and_over_the_tree() -> None:
    built = TreeBuilder().born("r").call("r", 0, Tokens(input=10, output=2), cost="0.5")
    built.born("c", "r").call("c", 0, Tokens(input=7, output=1), cost="0.25").call("r", 1, Tokens(input=20, output=3))
    state = built.state
    assert state.usage == Usage(calls=3, input_tokens=37, output_tokens=6)
    assert state.cost == Decimal("0.75")
    assert state.nodes["r"].usage == Usage(calls=2, input_tokens=30, output_tokens=5)
    assert state.nodes["r"].cost == Decimal("0.5")
    assert [turn.usage.calls for turn in state.nodes["r"].turns] == [1, 1]


def test_a_call_without_a_cost_leaves_the_nodes_cost_unknown() -> None:
    state = TreeBuilder().born("r").call("r", 0, Tokens(input=1)).state
    assert state.nodes["r"].cost is None


def test_a_turn_holds_what_was_thought_written_and_seen() -> None:
    built = TreeBuilder().born("r").node("r", EventType.NODE_TURN, 1, thought="t", code="c")
    built.node("r", EventType.NODE_OUTPUT, 1, output="o", error="e", cell_s=0.5)
    first, second = built.state.nodes["r"].turns
    assert (first.thought, first.code, first.output) == ("", None, None)
    assert (second.thought, second.code, second.output, second.error) == ("t", "c", "o", "e")


def test_steps_tell_work_forks_and_joins_and_count_a_parked_cell_once() -> None:
    built = TreeBuilder().born("r").call("r", 0, Tokens(), run_s=2.0).born("c", "r").done("c", 1)
    built.node("r", EventType.NODE_RESUMED, 0, results=[{"node_id": "c"}], cell_s=0.25)
    built.node("r", EventType.NODE_OUTPUT, 0, output="", error=None, cell_s=0.75)
    built.node("r", EventType.NODE_OUTPUT, 1, output="", error=None, cell_s=0.125)
    assert built.state.nodes["r"].steps == [
        Busy(2.0), Fork("c"), Busy(0.25), Join(("c",)), Busy(0.5), Busy(0.125),
    ]  # fmt: skip


def test_the_last_published_value_stays_even_where_it_is_none() -> None:
    built = TreeBuilder().born("r").node("r", EventType.NODE_PUBLISHED, value=1)
    built.node("r", EventType.NODE_PUBLISHED, value=None)
    node = built.state.nodes["r"]
    assert (node.published, node.has_published) == (None, True)
    assert built.state.last_published == "r"


def test_an_end_keeps_answer_evidence_and_time() -> None:
    built = TreeBuilder().born("r")
    built.at = 1_060.0
    node = built.node("r", EventType.NODE_COMPLETED, answer=4, evidence="e", verified=True).state.nodes["r"]
    assert (node.answer, node.evidence, node.verified, node.ended_at) == (4, "e", True, 1_060.0)
    assert node.status is Status.COMPLETED


ILLEGAL: dict[str, TreeBuilder] = {
    "a second root": TreeBuilder().born("r").born("s"),
    "the same node twice": TreeBuilder().born("r").born("c", "r").born("c", "r"),
    "a child of nobody": TreeBuilder().born("r").born("c", "nobody"),
    "a child of one that ended": TreeBuilder().born("r").born("c", "r").done("c", 1).born("d", "c"),
    "a node before the tree runs": TreeBuilder(begun=False).born("r"),
    "work of one that ended": TreeBuilder().born("r").done("r", 1).node("r", EventType.NODE_TURN, thought="", code=""),
    "a second end": TreeBuilder().born("r").done("r", 1).done("r", 1),
    "an end above a live child": TreeBuilder().born("r").born("c", "r").done("r", 1),
    "the end of a tree that works": TreeBuilder().born("r").tree(EventType.TREE_COMPLETED),
    "an end in mid-call": TreeBuilder()
    .born("r")
    .node("r", EventType.CALL_STARTED, 0, call_id="c", attempt=1)
    .done("r", 1),
    "a call that is settled and was not open": TreeBuilder()
    .born("r")
    .node("r", EventType.CALL_FAILED, 0, call_id="c", attempt=1, turn=0, usage={}, cost=None),
    "an attempt that starts twice": TreeBuilder()
    .born("r")
    .node("r", EventType.CALL_STARTED, 0, call_id="c", attempt=1)
    .node("r", EventType.CALL_STARTED, 0, call_id="c", attempt=1),
    "limits that change after the end": TreeBuilder()
    .tree(EventType.TREE_FAILED, status="failed")
    .tree(EventType.LIMITS_CHANGED, limits={}),
}


@pytest.mark.parametrize("what", ILLEGAL)
def test_what_cannot_be_is_refused_and_changes_nothing(what: str) -> None:
    state, before = TreeState("t"), TreeState("t")
    events = iter(ILLEGAL[what].events)
    refused = False
    while not refused:
        before = deepcopy(state)
        try:
            state.apply(next(events))
        except IllegalMove:
            refused = True
    assert state == before


def test_an_event_out_of_sequence_is_refused() -> None:
    built = TreeBuilder()
    state = built.state
    with pytest.raises(IllegalMove, match="cannot follow"):
        state.apply(replace(built.events[-1], seq=7))
