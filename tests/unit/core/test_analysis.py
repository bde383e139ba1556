"""What is said of a tree's recursion: its figures, and the signs that it went wrong."""

from typing import Any, Self

import pytest

from rao_runtime.core.analysis import analysis
from rao_runtime.core.events import EventType
from rao_runtime.core.usage import Tokens
from tests.unit.core.tree_builder import CREATED, TreeBuilder

WINDOW = {"effective": "recursive", "window": 1_000, "auto_fraction": 0.5}
SIZES = {"needed_tokens": 2_000, "expected_output_tokens": 0}


class Recursing(TreeBuilder):
    """A tree whose root has a context of 4,000 characters, at two characters a token, and so four windows of text."""

    def __init__(self, **mode: Any) -> None:  # noqa: ANN401 - a mode decision is any JSON
        super().__init__(begun=False)
        self.tree(EventType.TREE_CREATED, **CREATED)
        self.tree(EventType.TREE_STARTED, model="m", price_version="v1", mode=WINDOW | SIZES | mode)
        self.launch("r", None, chars=4_000)

    def launch(self, node_id: str, parent: str | None = "r", *, chars: int = 600, text: str = "") -> Self:
        """A node with a context of so many characters; `text` stands for what they are."""
        self._parents[node_id] = parent
        context = {"sha256": text or node_id, "chars": chars - 1}
        self.node(node_id, EventType.NODE_CREATED, goal="g", launch_index=0, context=context)
        self.node(node_id, EventType.NODE_STARTED)
        return self

    def joined(self, *children: str, by: str = "r") -> Self:
        """The parent's cell was given these results."""
        self.node(by, EventType.NODE_RESUMED, 1, results=[{"node_id": child} for child in children], cell_s=0.0)
        return self

    def failed(self, node_id: str, reason: str) -> Self:
        """A node that ended without an answer."""
        self.node(node_id, EventType.NODE_FAILED, error={"reason": reason, "message": "m"})
        return self

    def signs(self) -> list[tuple[str, str, list[str]]]:
        """Kind, rule and nodes of every sign."""
        told = analysis(self.state, now=self.at)["signs"]
        return [(sign["kind"], sign["rule"], sign["node_ids"]) for sign in told]


def test_the_figures_tell_work_path_and_what_ran_beside_it() -> None:
    tree = Recursing()
    tree.call("r", 1, Tokens(input=100, output=10), run_s=2.0)
    for child in "ab":
        tree.launch(child).call(child, 1, Tokens(input=20, output=5), run_s=4.0).done(child, 1)
    tree.joined("a", "b").call("r", 2, Tokens(input=130, output=10), run_s=2.0)
    tree.at += 10.0
    tree.done("r", 2)
    told = analysis(tree.state, now=tree.at)
    assert (told["nodes"], told["work_s"], told["critical_path_s"], told["run_s"]) == (3, 12.0, 8.0, 10.0)
    assert (told["speedup"], told["ideal_speedup"], told["parallel_share"]) == (1.2, 1.5, 0.3333)
    assert told["critical_path"] == ["r", "a"]
    assert told["tokens"] == 300
    assert told["baseline"] is None
    assert told["signs"] == []


def test_a_baseline_is_what_the_tree_is_measured_against() -> None:
    flat = Recursing(effective="flat")
    flat.call("r", 1, Tokens(input=40, output=10), cost="0.5")
    flat.at += 4.0
    flat.done("r", 2).tree(EventType.TREE_COMPLETED)
    tree = Recursing()
    tree.call("r", 1, Tokens(input=140, output=10), cost="1.5")
    tree.at += 2.0
    tree.done("r", 2).tree(EventType.TREE_COMPLETED)
    against = analysis(tree.state, now=tree.at, baseline=flat.state)["baseline"]
    assert (against["mode"], against["tokens"]) == ("flat", 50)
    assert (against["token_multiple"], against["run_multiple"], against["cost_multiple"]) == (3.0, 0.5, 3.0)


def test_a_tree_that_has_only_been_accepted_has_no_figures_and_no_signs() -> None:
    tree = TreeBuilder(begun=False).tree(EventType.TREE_CREATED, **CREATED)
    told = analysis(tree.state, now=tree.at)
    assert (told["work_s"], told["speedup"], told["parallel_share"], told["signs"]) == (0.0, None, None, [])


def test_siblings_with_one_task_and_a_child_with_its_parents_are_over_split() -> None:
    tree = Recursing().launch("a", text="x").launch("b", text="x").launch("c").launch("d", text="r")
    assert ("over_split", "same_task_twice", ["a", "b"]) in tree.signs()
    assert ("over_split", "task_passed_on", ["d"]) in tree.signs()
    assert not any("c" in nodes for _, _, nodes in tree.signs())


@pytest.mark.parametrize(("chars", "said"), [(900, True), (1_100, False), (3_000, False)])
def test_a_node_that_splits_what_fits_half_its_window_is_over_split(chars: int, said: bool) -> None:
    tree = Recursing().launch("a", chars=chars).launch("b", "a").done("b", 1).joined("b", by="a").done("a", 2)
    assert (("over_split", "split_though_it_fits", ["a"]) in tree.signs()) is said


@pytest.mark.parametrize("reason", ["window", "turns"])
def test_a_node_that_runs_out_without_a_child_is_under_split(reason: str) -> None:
    tree = Recursing().launch("a").failed("a", reason)
    assert tree.signs() == [("under_split", "ended_alone", ["a"])]


def test_a_node_that_answers_alone_for_more_than_its_window_is_under_split() -> None:
    tree = Recursing().launch("a", chars=2_100).done("a", 1)
    assert tree.signs() == [("under_split", "read_alone", ["a"])]


def test_what_a_node_has_yet_to_write_does_not_make_its_context_too_large() -> None:
    tree = Recursing(needed_tokens=2_900, expected_output_tokens=900).launch("a", chars=1_000).done("a", 1)
    assert tree.signs() == []


def test_a_journal_without_the_sizes_has_no_signs_of_them() -> None:
    tree = Recursing(expected_output_tokens=None).launch("a", chars=2_100).done("a", 1)
    assert tree.signs() == []


def test_who_may_not_split_is_never_under_split() -> None:
    assert Recursing(effective="flat").failed("r", "window").signs() == []
    deepest = Recursing()
    for parent, child in ("ra", "ab", "bc", "cd"):
        deepest.launch(child, parent)
    assert deepest.failed("d", "window").signs() == []


def test_an_answer_that_is_one_childs_while_others_differ_is_a_bad_merge() -> None:
    tree = Recursing()
    for child, answer in (("a", 3), ("b", 4), ("c", 0)):
        tree.launch(child).done(child, answer)
    assert tree.joined("a", "b", "c").done("r", 3).signs() == [("bad_merge", "answer_of_one_child", ["r", "a"])]


def test_a_sum_whose_other_parts_are_empty_is_no_sign() -> None:
    tree = Recursing()
    for child, answer in (("a", 3), ("b", 0)):
        tree.launch(child).done(child, answer)
    assert tree.joined("a", "b").done("r", 3).signs() == []


def test_an_answer_in_spite_of_failed_children_is_a_bad_merge() -> None:
    tree = Recursing().launch("a").launch("b").failed("b", "model_error").done("a", 1).joined("a", "b").done("r", 1)
    assert tree.signs() == [("bad_merge", "child_left_out", ["r", "b"])]


def test_a_failure_with_all_parts_at_hand_is_a_bad_merge() -> None:
    tree = Recursing().launch("a").done("a", 1).joined("a").failed("r", "answer_invalid")
    assert tree.signs() == [("bad_merge", "failed_with_all_parts", ["r"])]


def test_children_nobody_waited_for_are_unused() -> None:
    tree = Recursing().launch("a").launch("b").done("a", 1)
    tree.node("b", EventType.NODE_CANCELED, error={"reason": "canceled", "message": "m"})
    assert tree.done("r", 1).signs() == [
        ("unused_child", "not_awaited", ["a"]),
        ("unused_child", "stopped_by_parent", ["b"]),
    ]
