"""How an ended tree is told."""

from typing import Any

import pytest

from rao_runtime.cli.result_view import error_line, outcome, summary

TREE: dict[str, Any] = {
    "tree_id": "01k",
    "status": "completed",
    "answer": 412,
    "usage": {"calls": 53, "input_tokens": 9120, "output_tokens": 2210},
    "cost": {"amount": "0.001873", "currency": "USD"},
    "nodes": {"total": 27},
    "timing": {"wall_s": 3.1, "critical_path_s": 2.9, "work_s": 40.2},
}


def told(tree: dict[str, Any]) -> list[str]:
    return [text.plain for text in outcome(tree)]


def test_a_completed_tree_is_its_answer() -> None:
    assert told(TREE) == ["412"]
    assert told(TREE | {"answer": None}) == ["null"]
    assert told(TREE | {"answer": "yes\nno"}) == ["yes\nno"]


def test_a_failed_tree_is_its_reason_and_its_best_effort() -> None:
    error = {"reason": "tokens", "message": "the next model call …", "limit": 2_000_000, "spent": 1_999_870}
    partial = {"answer": [1, 2], "source_nodes": ["a", "b"]}
    assert told(TREE | {"status": "failed", "answer": None, "error": error, "partial": partial}) == [
        "tokens: the next model call … (limit 2000000, spent 1999870)",
        "Partial answer, from 2 nodes:",
        "[\n  1,\n  2\n]",
    ]


def test_a_tree_that_still_runs_has_nothing_to_say() -> None:
    assert told(TREE | {"status": "working", "answer": None, "error": None, "partial": None}) == []


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ({"reason": "unable", "kind": "impossible", "message": "no"}, "unable (impossible): no"),
        ({"reason": "turns", "message": "x\x1b[2J", "limit": None, "spent": None}, "turns: x\ufffd[2J"),
    ],
)
def test_an_error_is_one_line(error: dict[str, Any], line: str) -> None:
    assert error_line(error) == line


def test_the_summary_says_what_it_took() -> None:
    assert [text.plain for text in summary(TREE)] == [
        "✓ completed · 27 nodes · 53 calls · 11,330 tokens · $0.0019",
        "wall 3.10 s · critical path 2.90 s · work 40.2 s",
        "tree 01k",
    ]


def test_the_summary_tells_what_was_wasted_in_tokens_and_money() -> None:
    tree = TREE | {
        "usage": {"calls": 53, "input_tokens": 9120, "output_tokens": 2210, "wasted_tokens": 1_234},
        "cost": {"amount": "0.001873", "wasted": "0.0004", "currency": "USD"},
    }
    assert [text.plain for text in summary(tree)][1] == "wasted 1,234 tokens · $0.00040"
    assert [text.plain for text in summary(tree | {"cost": None})][1] == "wasted 1,234 tokens"
    only_time = tree | {"usage": TREE["usage"]}
    assert [text.plain for text in summary(only_time)][1] == "wasted 0 tokens · $0.00040"


def test_the_summary_tells_models_apart_where_there_are_several() -> None:
    share = {"model": "a\x1b", "usage": {"calls": 1, "input_tokens": 5, "output_tokens": 2}, "cost": {"amount": "0.5"}}
    other = {"model": "b", "usage": {"calls": 2, "input_tokens": 1, "output_tokens": 0}, "cost": None}
    assert [text.plain for text in summary(TREE | {"by_model": [share, other]})][1:3] == [
        "a\ufffd · 1 call · 7 tokens · $0.50",
        "b · 2 calls · 1 token",
    ]
    assert len(list(summary(TREE | {"by_model": [share]}))) == len(list(summary(TREE)))


def test_the_summary_leaves_out_what_is_not_known() -> None:
    tree = TREE | {"status": "working", "cost": None, "timing": {"wall_s": None, "work_s": None}}
    assert [text.plain for text in summary(tree, ascii_only=True)] == [
        "* working · 27 nodes · 53 calls · 11,330 tokens",
        "tree 01k",
    ]
