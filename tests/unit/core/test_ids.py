import re

from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.ids import (
    attempt_id,
    attempt_span_id,
    call_id,
    cell_span_id,
    child_id,
    child_path,
    node_span_id,
    post_span_id,
    root_id,
    seed_of,
    span_id,
    tool_span_id,
)

STEPS = st.integers(0, 10_000)


def test_ids_stay_the_same_from_version_to_version_since_journals_hold_them() -> None:
    root = root_id("tree-1")
    assert root == "cdf9d6b6303d49b0dc75"
    assert child_id(root, 0, 2) == "2b4bccfe9c082283726f"
    assert seed_of(1, "0.2/1.0", 3) == 1648674923


def test_an_id_says_where_it_belongs() -> None:
    assert call_id("node", 3) == "node-t3"
    assert attempt_id("node-t3", 1) == "node-t3-a1"
    assert child_path("", 0, 2) == "0.2"
    assert child_path("0.2", 1, 0) == "0.2/1.0"


def test_spans_have_ids_of_their_own_that_stay_the_same_since_another_worker_may_make_them_again() -> None:
    ids = [post_span_id("x"), node_span_id("x"), attempt_span_id("x"), tool_span_id("x"), cell_span_id("x", 0)]
    assert len(set(ids)) == 5
    assert node_span_id("cdf9d6b6303d49b0dc75") == "8d2709adcae99d90"


@given(st.lists(st.text(st.characters(exclude_categories=())), max_size=3))
def test_a_span_id_is_what_trace_context_wants(parts: list[str]) -> None:
    assert re.fullmatch("(?!0{16})[0-9a-f]{16}", span_id(*parts))


@given(st.lists(st.tuples(st.text(), STEPS, STEPS), unique=True, min_size=2))
def test_children_of_different_places_have_different_ids(places: list[tuple[str, int, int]]) -> None:
    assert len({child_id(*place) for place in places}) == len(places)


@given(st.text(st.characters(exclude_categories=())))
def test_every_tree_has_a_root_id_fit_for_a_url(tree_id: str) -> None:
    assert re.fullmatch("[0-9a-f]{20}", root_id(tree_id))


@given(st.lists(st.tuples(STEPS, STEPS), max_size=5), st.lists(st.tuples(STEPS, STEPS), max_size=5))
def test_paths_are_equal_only_for_the_same_place(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    paths = ["", ""]
    for index, steps in enumerate((one, other)):
        for fork_step, launch_index in steps:
            paths[index] = child_path(paths[index], fork_step, launch_index)
    assert (paths[0] == paths[1]) == (one == other)


@given(st.integers(), st.text(), STEPS)
def test_a_seed_is_a_number_every_server_takes(task_seed: int, path: str, turn: int) -> None:
    assert 0 <= seed_of(task_seed, path, turn) < 2**32
    assert seed_of(task_seed, path, turn) == seed_of(task_seed, path, turn)


def test_a_seed_changes_with_each_of_its_parts() -> None:
    seeds = {seed_of(1, "", 0), seed_of(2, "", 0), seed_of(1, "0.0", 0), seed_of(1, "", 1)}
    assert len(seeds) == 4
