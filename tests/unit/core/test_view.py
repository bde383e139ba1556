"""A tree in the shape of api.md."""

import pytest

from rao_runtime.core.events import EventType
from rao_runtime.core.transitions import Status
from rao_runtime.core.usage import Tokens
from rao_runtime.core.view import end_view, nested, node_detail, timestamp, tree_view
from tests.unit.core.tree_builder import CREATED, TreeBuilder

FIELDS = {
    "tree_id", "trace_id", "schema_version", "status", "answer", "error", "partial", "model", "mode", "usage", "cost",
    "limits", "nodes", "timing", "metadata", "links", "by_model", "goal",
}  # fmt: skip
NODE_FIELDS = {
    "node_id", "parent_id", "depth", "fork_step", "launch_index", "goal", "status", "error", "answer", "verified",
    "usage", "cost", "timing", "children", "subtree_usage", "subtree_cost",
}  # fmt: skip


def family() -> TreeBuilder:
    """A root with two children, the second with one of its own; all but the root have ended."""
    built = TreeBuilder().born("r").call("r", 0, Tokens(input=100, output=10), cost="0.5")
    built.born("a", "r").born("b", "r", 1).born("c", "b")
    built.call("a", 0, Tokens(input=10, output=1), cost="0.25").call("c", 0, Tokens(input=1, output=1), cost="0.125")
    return built.done("a", 1).done("c", 2).node("b", EventType.NODE_FAILED, error={"reason": "turns"})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, None),
        (0.0, "1970-01-01T00:00:00.000Z"),
        (0.0016, "1970-01-01T00:00:00.001Z"),
        (1_795_255_200.0, "2026-11-21T10:00:00.000Z"),
    ],
)
def test_a_time_is_rfc_3339_in_utc_with_milliseconds(seconds: float | None, text: str | None) -> None:
    assert timestamp(seconds) == text


def test_a_running_tree_has_every_field_of_the_contract() -> None:
    view = tree_view(family().state, now=1_090.0)
    assert set(view) == FIELDS
    assert (view["status"], view["goal"]) == ("working", "count them")
    assert view["mode"] == {"requested": "auto", "effective": "recursive"}
    assert view["cost"] == {"amount": "0.875", "wasted": "0", "currency": "USD", "price_version": "v1"}
    assert view["nodes"] == {"total": 4, "completed": 2, "failed": 1, "canceled": 0, "max_depth": 2}
    assert view["timing"]["wall_s"] == 90.0
    assert view["timing"]["ended_at"] is None
    assert view["metadata"] == {"team": "search"}
    assert view["links"]["events"] == "/trees/t/events"


def test_what_attempts_without_a_result_cost_is_wasted_at_the_node_above_it_and_of_the_tree() -> None:
    built = family().failed_call("r", 1, Tokens(input=7, output=2), cost="0.0625")
    view = tree_view(built.state, now=1_090.0, nodes=True)
    root, b = view["tree"], view["tree"]["children"][1]
    assert (view["usage"]["wasted_tokens"], view["cost"]["wasted"], view["cost"]["amount"]) == (9, "0.0625", "0.9375")
    assert (root["cost"]["wasted"], root["cost"]["amount"], root["subtree_cost"]["wasted"]) == (
        "0.0625",
        "0.5625",
        "0.0625",
    )
    assert (b["cost"]["wasted"], b["subtree_cost"]["wasted"]) == ("0", "0")


def test_usage_and_cost_are_told_model_by_model() -> None:
    built = family().call("r", 1, Tokens(input=5, output=1), cost="0.25", model="other")
    assert [
        (share["model"], share["usage"]["calls"], share["usage"]["input_tokens"], share["cost"]["amount"])
        for share in tree_view(built.state, now=1_090.0)["by_model"]
    ] == [("m", 3, 111, "0.875"), ("other", 1, 5, "0.25")]


def test_an_end_of_a_release_that_did_not_tell_is_completed_from_the_calls() -> None:
    built = family().failed_call("r", 1, Tokens(input=7), cost="0.0625").done("r", 5)
    end = end_view(built.state, Status.COMPLETED, now=1_100.0, answer=5)
    earlier = {name: value for name, value in end.items() if name not in {"by_model", "goal"}}
    earlier["cost"] = {name: value for name, value in end["cost"].items() if name != "wasted"}
    assert tree_view(built.tree(EventType.TREE_COMPLETED, **earlier).state, now=9_999.0) == end
    assert end["cost"]["wasted"] == "0.0625"


def test_a_tree_that_has_not_started_tells_what_it_was_created_with() -> None:
    view = tree_view(TreeBuilder(begun=False).tree(EventType.TREE_CREATED, **CREATED).state, now=1_000.0)
    assert view["status"] == "submitted"
    assert view["mode"] == {"requested": "auto", "effective": None}
    assert view["partial"] is None
    assert view["nodes"]["total"] == 0


def test_a_long_goal_is_cut() -> None:
    created = {**CREATED, "request": {**CREATED["request"], "goal": "long " * 1_000}}
    goal = tree_view(TreeBuilder(begun=False).tree(EventType.TREE_CREATED, **created).state, now=1_000.0)["goal"]
    assert goal == ("long " * 100)[:-1] + "…"


def test_an_unpriced_tree_has_no_cost() -> None:
    built = TreeBuilder(begun=False).tree(EventType.TREE_CREATED, **{**CREATED, "price_version": None})
    assert tree_view(built.state, now=1_000.0)["cost"] is None


def test_nodes_nest_with_their_own_and_their_subtrees_figures() -> None:
    tree = tree_view(family().state, now=1_001.0, nodes=True)["tree"]
    assert set(tree) == NODE_FIELDS
    assert [child["node_id"] for child in tree["children"]] == ["a", "b"]
    assert tree["usage"]["calls"] == 1
    assert tree["subtree_usage"]["calls"] == 3
    assert tree["subtree_cost"]["amount"] == "0.875"
    b = tree["children"][1]
    assert (b["usage"]["calls"], b["subtree_usage"]["input_tokens"], b["subtree_cost"]["amount"]) == (0, 1, "0.125")
    assert b["error"] == {"reason": "turns"}


def test_a_very_deep_tree_nests_without_deep_calls() -> None:
    built = TreeBuilder().born("n0")
    for depth in range(1, 3_000):
        built.born(f"n{depth}", f"n{depth - 1}")
    tree = nested(built.state, 1_000.0)
    depth = 0
    while tree and tree["children"]:
        tree, depth = tree["children"][0], depth + 1
    assert depth == 2_999


def test_one_node_is_shown_with_its_turns_and_the_ids_of_its_children() -> None:
    state = family().node("r", EventType.NODE_TURN, 0, thought="t", code="c").state
    view = node_detail(state, state.nodes["r"], 1_001.0)
    assert view["children"] == ["a", "b"]
    assert view["subtree_usage"]["calls"] == 3
    assert [set(turn) for turn in view["turns"]] == [{"thought", "code", "output", "error", "usage"}]
    assert view["turns"][0]["code"] == "c"


def test_the_end_tells_answer_paths_and_time_and_is_shown_as_it_was_journaled() -> None:
    built = family().done("r", 5)
    end = end_view(built.state, Status.COMPLETED, now=1_100.0, answer=5)
    assert (end["status"], end["answer"], end["error"], end["partial"]) == ("completed", 5, None, None)
    assert end["timing"]["wall_s"] == 100.0
    assert end["timing"]["work_s"] == 3.0
    assert end["timing"]["critical_path_s"] is not None
    built.at = 1_100.0
    state = built.tree(EventType.TREE_COMPLETED, **end).state
    assert tree_view(state, now=9_999.0) == end


def test_a_tree_that_ran_out_shows_its_best_effort() -> None:
    finished = end_view(family().state, Status.FAILED, now=1_100.0, error={"reason": "tokens"})
    assert finished["partial"] == {"answer": [1], "source_nodes": ["a"]}
    offered = TreeBuilder().born("r").born("a", "r")
    offered.node("a", EventType.NODE_PUBLISHED, value=3)
    assert tree_view(offered.state, now=1_000.0)["partial"] == {"answer": 3, "source_nodes": ["a"]}
    offered.done("a", 4)
    assert tree_view(offered.state, now=1_000.0)["partial"] == {"answer": [4], "source_nodes": ["a"]}
    offered.node("r", EventType.NODE_PUBLISHED, value=None)
    assert tree_view(offered.state, now=1_000.0)["partial"] == {"answer": None, "source_nodes": ["r"]}
