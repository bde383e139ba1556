"""From a server's JSON to trees, nodes and events; and from a task to the body of a request."""

import json
from collections import UserDict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.client import Event, Node, TaskFields, Tree
from rao_runtime.client.task import body
from tests.unit.client_play import TREE, tree

FULL = tree(
    "failed",
    error={"reason": "unable", "kind": "impossible", "message": "no way", "node_id": "n", "retryable": False},
    partial={"answer": 97, "source_nodes": ["n"]},
    usage={
        "calls": 3,
        "input_tokens": 9,
        "cached_tokens": 6,
        "output_tokens": 2,
        "wasted_tokens": 1,
        "estimated": True,
    },
    cost={"amount": "0.001873", "wasted": "0.0005", "currency": "USD", "price_version": "1"},
    by_model=[{"model": "m", "usage": {"calls": 3}, "cost": {"amount": "0.001873", "wasted": "0.0005"}}],
    nodes={"total": 3, "completed": 1, "failed": 1, "canceled": 1, "max_depth": 2},
    metadata={"team": "search"},
    goal="count them",
    tree={
        "node_id": "n",
        "status": "failed",
        "depth": 0,
        "goal": "g",
        "children": [{"node_id": "m", "status": "completed"}],
    },
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_a_tree_has_what_the_server_said() -> None:
    found = Tree.read(FULL)
    assert found is not None
    assert (found.tree_id, found.status, found.has_ended, found.is_completed) == (TREE, "failed", True, False)
    assert (found.answer, found.partial, found.cost, found.metadata) == (
        None,
        97,
        Decimal("0.001873"),
        {"team": "search"},
    )
    assert (found.usage.input_tokens, found.usage.estimated, found.nodes.total, found.nodes.max_depth) == (
        9,
        True,
        3,
        2,
    )
    assert (found.wasted, found.goal) == (Decimal("0.0005"), "count them")
    assert [(share.model, share.usage.calls, share.cost, share.wasted) for share in found.by_model] == [
        ("m", 3, Decimal("0.001873"), Decimal("0.0005"))
    ]
    assert str(found.error) == "unable (impossible): no way"
    assert found.root is not None
    assert [child.node_id for child in found.root.children] == ["m"]
    assert found.raw is FULL


def test_what_a_server_leaves_out_is_nothing() -> None:
    found = Tree.read({"tree_id": "t", "status": "working"})
    assert found is not None
    assert (found.has_ended, found.error, found.cost, found.root, found.usage.calls) == (False, None, None, None, 0)
    assert (found.wasted, found.by_model, found.goal) == (None, (), None)


@given(st.dictionaries(st.sampled_from([*FULL, "node_id", "children", "seq", "type", "data", "depth"]), JSON))
def test_no_json_breaks_the_reading(raw: dict[str, Any]) -> None:
    found = Tree.read(raw)
    assert (found is None) == (not isinstance(raw.get("tree_id"), str) or not isinstance(raw.get("status"), str))
    node, event = Node.read(raw), Event.read(json.dumps(raw))
    assert node is None or node.raw is raw
    assert event is None or event.raw == raw


@pytest.mark.parametrize("line", ["not json", "[1]", '"x"', "{}", '{"type": 1}', "[" * 9999])
def test_lines_that_are_no_events_are_none(line: str) -> None:
    assert Event.read(line) is None


def test_an_event_has_its_place_and_its_line() -> None:
    line = '{"v":1,"seq":17,"type":"node.turn","tree_id":"t","node_id":"n","depth":1,"turn":0,"data":{"code":"x"}}'
    event = Event.read(line)
    assert event is not None
    assert (event.seq, event.type, event.node_id, event.depth, event.turn) == (17, "node.turn", "n", 1, 0)
    assert (event.data, event.line, event.is_end, event.tree) == ({"code": "x"}, line, False, None)


def test_a_terminal_event_and_a_gap_bring_the_tree() -> None:
    for kind in ("tree.completed", "stream.gap"):
        event = Event.read(json.dumps({"seq": None, "type": kind, "data": FULL}))
        assert event is not None
        assert event.tree == Tree.read(FULL)


def test_a_task_holds_what_was_given_and_no_more() -> None:
    fields: TaskFields = {"mode": "flat", "limits": {"max_cost": Decimal("1.50")}, "tools": ("a",), "check": None}
    sent = json.loads(body("größer", UserDict(a="x"), fields))
    assert sent == {
        "goal": "größer",
        "context": {"a": "x"},
        "mode": "flat",
        "limits": {"max_cost": "1.50"},
        "tools": ["a"],
    }
    assert json.loads(body("g", None, {})) == {"goal": "g"}
    assert json.loads(body("g", "", {"answer_schema": False})) == {"goal": "g", "context": "", "answer_schema": False}


@pytest.mark.parametrize("metadata", [{"x": float("nan")}, {"x": object()}, {"x": b"bytes"}, {"x": "\udcff"}])
def test_what_is_no_json_is_not_sent(metadata: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        body("g", None, {"metadata": metadata})
