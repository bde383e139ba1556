"""What the span of a node tells: its place, its end, what it spent, and what happened to it."""

import json

import pytest

from rao_runtime.core.events import EventType
from rao_runtime.telemetry.open_node import MOST_EVENTS
from tests.unit.core.tree_builder import STARTED
from tests.unit.traced_tree import TracedTree

UNPRICED = {"price_version": None}
LEFT = {"nodes": 3, "tokens": 900, "cost": "0.5"}
SPLIT = {
    "children": [{"node_id": "a", "goal": "first"}, {"node_id": "b", "goal": "second"}],
    "reserves": [{"tokens": 140, "cost": "0.01"}, {"tokens": 150, "cost": "0.02"}],
    "remaining": LEFT,
}
REFUSED = {"launch_index": 4, "goal": "more", "reason": "nodes", "message": "no node is left", "remaining": LEFT}


def test_a_node_says_where_it_is_and_how_it_ended() -> None:
    tree = TracedTree().later(2).born("r").born("c", "r", 3).done("c", verified=True)
    told = tree.named("invoke_agent").attributes
    place = {name: told[f"rao.node.{name}"] for name in ("id", "parent_id", "depth", "fork_step", "launch_index")}
    assert place == {"id": "c", "parent_id": "r", "depth": 1, "fork_step": 0, "launch_index": 3}
    assert told["rao.node.status"] == "completed"
    assert told["rao.node.verified"] is True
    assert (told["rao.tree.id"], told["rao.tenant"], told["rao.model"]) == ("t", "acme", "m")
    assert (told["gen_ai.operation.name"], told["gen_ai.agent.name"]) == ("invoke_agent", "rao")


def test_the_root_says_how_long_its_tree_waited() -> None:
    assert TracedTree().later(2.5).born("r").done("r").named("invoke_agent").attributes["rao.tree.queued_s"] == 2.5


def test_a_node_sums_up_what_it_and_all_below_it_spent_in_words_no_backend_adds_up() -> None:
    tree = TracedTree().born("r").asks("r").told("r").born("c", "r").asks("c").told("c").born("g", "c")
    *_, root = tree.asks("g").told("g").done("g").done("c").done("r").spans()
    told = root.attributes
    assert (told["rao.node.usage.input_tokens"], told["rao.subtree.usage.input_tokens"]) == (40, 120)
    assert (told["rao.node.usage.calls"], told["rao.subtree.usage.calls"]) == (1, 3)
    assert (told["rao.node.cost.usd"], told["rao.subtree.cost.usd"]) == ("0.25", "0.75")
    assert not [name for name in told if name.startswith("gen_ai.usage")]


def test_what_a_failed_attempt_cost_was_wasted() -> None:
    tree = TracedTree().born("r").asks("r").fails("r", "broken", cost="0.5").asks("r", 0, 2).told("r", 0, 2)
    told = tree.done("r").named("invoke_agent").attributes
    assert (told["rao.node.cost.usd"], told["rao.subtree.cost.wasted_usd"]) == ("0.75", "0.5")


def test_a_node_without_a_price_has_no_cost() -> None:
    tree = TracedTree(started=False, price_version=None).tree(EventType.TREE_STARTED, **{**STARTED, **UNPRICED})
    told = tree.born("r").asks("r").told("r", cost=None).done("r").named("invoke_agent").attributes
    assert not [name for name in told if "cost" in name]


def test_a_node_that_failed_says_why() -> None:
    span = TracedTree().born("r").lost("r", "tokens", message="the next model call needs 9").named("invoke_agent")
    assert (span.error, span.message) == ("tokens", "the next model call needs 9")
    assert span.attributes["rao.node.status"] == "failed"


def test_a_cancelled_node_is_an_error_of_its_own_type() -> None:
    span = TracedTree().born("r").lost("r", "canceled", EventType.NODE_CANCELED).named("invoke_agent")
    assert (span.error, span.attributes["rao.node.status"]) == ("canceled", "canceled")


@pytest.mark.parametrize("reason", ["unable", "check_failed", "answer_invalid"])
def test_what_the_agent_says_of_its_failure_is_told_only_with_content(reason: str) -> None:
    tree = TracedTree().born("r").lost("r", reason, message="the secret is 4711")
    assert tree.named("invoke_agent").message is None
    assert tree.named("invoke_agent", content=True).message == "the secret is 4711"


def test_goal_and_answer_are_told_only_with_content() -> None:
    tree = TracedTree().born("r").done("r", {"n": 1})
    assert not [name for name in tree.named("invoke_agent").attributes if "messages" in name]
    told = tree.named("invoke_agent", content=True).attributes
    (asked,) = json.loads(str(told["gen_ai.input.messages"]))
    (said,) = json.loads(str(told["gen_ai.output.messages"]))
    assert asked == {"role": "user", "parts": [{"type": "text", "content": "goal of r"}]}
    assert said == {"role": "assistant", "parts": [{"type": "text", "content": '{"n": 1}'}], "finish_reason": "stop"}


# --- what happened to it ----------------------------------------------------------------------------------------------


def test_a_split_is_told_with_children_reserves_and_what_was_left() -> None:
    tree = TracedTree().born("r").later(1).node("r", EventType.NODE_SPLIT, 2, **SPLIT).done("r")
    (event,) = tree.named("invoke_agent").events
    assert (event.name, event.ts) == ("rao.split", 1_001)
    assert event.attributes == {
        "rao.node.fork_step": 2,
        "rao.split.children": 2,
        "rao.split.child_ids": ("a", "b"),
        "rao.split.reserve_tokens": (140, 150),
        "rao.split.reserve_usd": ("0.01", "0.02"),
        "rao.remaining.nodes": 3,
        "rao.remaining.tokens": 900,
        "rao.remaining.usd": "0.5",
    }
    (event,) = tree.named("invoke_agent", content=True).events
    assert event.attributes["rao.split.goals"] == ("first", "second")


def test_a_split_of_an_older_journal_is_told_as_far_as_it_goes() -> None:
    tree = TracedTree().born("r").node("r", EventType.NODE_SPLIT, 0, children=SPLIT["children"]).done("r")
    (event,) = tree.named("invoke_agent").events
    assert event.attributes["rao.split.child_ids"] == ("a", "b")
    assert "rao.remaining.nodes" not in event.attributes


def test_a_refusal_is_told_with_its_limit_and_what_was_left() -> None:
    tree = TracedTree().born("r").node("r", EventType.NODE_REFUSED, 0, **REFUSED).done("r")
    (event,) = tree.named("invoke_agent").events
    assert event.name == "rao.refused"
    assert (event.attributes["rao.refused.reason"], event.attributes["rao.remaining.nodes"]) == ("nodes", 3)
    assert "more" not in event.attributes.values()
    (event,) = tree.named("invoke_agent", content=True).events
    assert event.attributes["rao.refused.goal"] == "more"


def test_a_failed_check_is_told_and_a_passed_one_is_not() -> None:
    check = {"author": "parent", "message": "check `answer > 4` gives 3", "now": 0.0}
    tree = TracedTree().born("r").node("r", EventType.NODE_CHECK, 0, **check, passed=False, **{"try": 1})
    tree.node("r", EventType.NODE_CHECK, 1, **check, passed=True, **{"try": 2}).done("r")
    (event,) = tree.named("invoke_agent").events
    assert (event.name, event.attributes) == ("rao.check_failed", {"rao.check.author": "parent", "rao.check.try": 1})
    (event,) = tree.named("invoke_agent", content=True).events
    assert event.attributes["rao.check.message"] == "check `answer > 4` gives 3"


def test_an_attempt_that_is_made_again_is_told_and_a_last_one_is_not() -> None:
    tree = TracedTree().born("r").asks("r").fails("r", "busy", retry={"after_s": 1.5, "counts": 0})
    tree.asks("r", 0, 2).fails("r", "server", 0, 2).lost("r", "model_error")
    (event,) = tree.named("invoke_agent").events
    assert event.name == "rao.retry"
    assert event.attributes == {
        "rao.call.id": "r-t0",
        "rao.call.attempt": 1,
        "error.type": "busy",
        "rao.retry.after_s": 1.5,
    }


def test_what_a_node_publishes_is_told_only_with_content() -> None:
    tree = TracedTree().born("r").node("r", EventType.NODE_PUBLISHED, 0, value=[1]).done("r")
    (event,) = tree.named("invoke_agent").events
    assert (event.name, event.attributes) == ("rao.published", {})
    (event,) = tree.named("invoke_agent", content=True).events
    assert event.attributes == {"rao.published.value": "[1]"}


def test_a_span_keeps_splits_then_the_first_events_and_says_how_many_were_left_out() -> None:
    tree = TracedTree().born("r")
    for _ in range(MOST_EVENTS + 10):
        tree.later(1).node("r", EventType.NODE_REFUSED, 0, **REFUSED)
    tree.later(1).node("r", EventType.NODE_SPLIT, 1, **SPLIT).done("r")
    span = tree.named("invoke_agent")
    assert [event.ts - 1_000 for event in span.events] == [*range(1, MOST_EVENTS), MOST_EVENTS + 11]
    assert span.events[-1].name == "rao.split"
    assert span.attributes["rao.events_dropped"] == 11


def test_a_span_that_has_all_its_events_says_nothing_of_it() -> None:
    tree = TracedTree().born("r").node("r", EventType.NODE_REFUSED, 0, **REFUSED).done("r")
    assert "rao.events_dropped" not in tree.named("invoke_agent").attributes
