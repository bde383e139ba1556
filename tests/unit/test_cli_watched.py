"""A watched tree: events in, what there is to show out."""

from decimal import Decimal
from typing import Any

import pytest

from rao_runtime.cli.watched import WatchedTree
from tests.unit.cli_events import TREE, Story, usage


def watched(story: Story) -> WatchedTree:
    tree = WatchedTree()
    for event in story.events:
        tree.apply(event)
    return tree


def family() -> Story:
    """A root with two children."""
    story = Story()
    story.begin("Count them.")
    story.node("root", ts=10)
    story.node("a", "root", ts=11)
    story.node("b", "root", ts=11)
    return story


def test_a_tree_is_told_by_its_events() -> None:
    story = family()
    story.call("a", cost="0.25")
    story.tell("node.completed", "a", ts=13)
    tree = watched(story)
    assert (tree.tree_id, tree.status, tree.goal, tree.max_depth) == (TREE, "working", "Count them.", 1)
    assert list(tree.live) == ["root", "b"]
    assert [node.node_id for node in tree.recent] == ["a"]
    done = tree.nodes["a"]
    assert (done.status, done.turns, done.tokens, done.cost) == ("completed", 1, 110, Decimal("0.25"))
    assert done.elapsed_s(99.0) == 2.0
    assert tree.nodes["b"].elapsed_s(20.0) == 9.0
    assert tree.nodes["b"].elapsed_s(None) is None


def test_a_parent_waits_while_children_live_and_works_again_with_its_next_call() -> None:
    story = family()
    tree = watched(story)
    root = tree.nodes["root"]
    assert root.status == "waiting"
    for child in ("a", "b"):
        tree.apply(story.tell("node.failed", child, error={"reason": "turns"}))
    assert root.status == "working"


def test_a_parent_with_a_call_under_way_works_whatever_its_children_do() -> None:
    story = family()
    story.tell("call.started", "root", turn=1)
    assert watched(story).nodes["root"].status == "working"


def test_a_node_that_has_not_started_is_submitted() -> None:
    story = Story()
    story.begin()
    story.tell("node.created", "root", goal="x")
    assert watched(story).nodes["root"].status == "submitted"


def test_totals_count_failed_attempts_too() -> None:
    story = family()
    story.call("a", cost="0.25")
    story.tell("call.started", "b", turn=0)
    story.tell("call.failed", "b", turn=0, usage=usage(50, 5), cost="0.05")
    totals = watched(story).totals
    assert (totals.calls, totals.input_tokens, totals.cached_tokens, totals.output_tokens) == (2, 150, 40, 15)
    assert totals.cost == Decimal("0.30")


def test_a_model_without_a_price_costs_nothing_known_rather_than_nothing() -> None:
    story = family()
    story.call("a")
    tree = watched(story)
    assert tree.totals.cost is None
    assert tree.nodes["a"].cost is None


def test_counts_name_live_nodes_first() -> None:
    story = family()
    story.tell("node.completed", "a")
    assert list(watched(story).counts().items()) == [("working", 1), ("waiting", 1), ("completed", 1)]


def test_the_terminal_event_has_the_last_word() -> None:
    story = family()
    story.call("a")
    story.end("failed", ts=30, usage=usage(7, 3), cost={"amount": "0.5"}, error={"reason": "tokens"})
    tree = watched(story)
    assert tree.status == "failed"
    assert tree.end is not None
    assert (tree.totals.input_tokens, tree.totals.cost) == (7, Decimal("0.5"))
    assert tree.elapsed_s(1e9) == 30.0


def test_an_event_that_comes_twice_counts_once() -> None:
    story = family()
    story.call("a")
    tree = watched(story)
    for event in story.events:
        tree.apply(event)
    assert tree.totals.calls == 1
    assert tree.counts().total() == 3


def test_after_a_gap_nodes_appear_with_what_they_do() -> None:
    story = family()
    story.call("b", turn=2)
    late = story.events[-1]
    tree = WatchedTree()
    gap: dict[str, Any] = {"status": "working", "usage": usage(1000, 100), "timing": {"created_at": None}}
    tree.apply({"seq": None, "type": "stream.gap", "tree_id": TREE, "data": gap})
    tree.apply(late)
    assert tree.has_gap
    node = tree.nodes["b"]
    assert (node.status, node.depth, node.turns, node.goal) == ("working", 1, 3, "")
    assert tree.totals.input_tokens == 1100


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": "node.danced", "node_id": "n", "data": {}},
        {"type": "tree.renamed", "data": {"status": 7}},
        {"type": "node.created", "node_id": "n", "depth": "deep", "ts": "later", "turn": "x", "data": []},
        {"type": "call.completed", "node_id": "n", "data": {"usage": {"input_tokens": "many"}, "cost": "a lot"}},
        {"type": "node.completed", "node_id": "n", "data": None},
        {"type": 7, "node_id": 7, "seq": "x", "data": {}},
    ],
)
def test_events_it_does_not_understand_do_no_harm(event: dict[str, Any]) -> None:
    tree = WatchedTree()
    tree.apply(event)
    assert tree.end is None
    assert tree.counts().total() <= 1
