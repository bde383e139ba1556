from collections.abc import Mapping, Sequence
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.critical_path import Busy, CriticalPath, Fork, Join, Step, critical_path

Steps = Mapping[str, Sequence[Step]]


def test_one_node_takes_its_own_work() -> None:
    assert critical_path("r", {"r": [Busy(1.0), Busy(2.0)]}) == CriticalPath(3.0, 3.0, ("r",))


def test_children_that_run_beside_each_other_take_as_long_as_the_longest() -> None:
    steps: Steps = {
        "r": [Busy(1.0), Fork("a"), Fork("b"), Join(("a", "b")), Busy(1.0)],
        "a": [Busy(5.0)],
        "b": [Busy(7.0)],
    }
    assert critical_path("r", steps) == CriticalPath(14.0, 9.0, ("r", "b"))


def test_children_one_after_the_other_add_up() -> None:
    steps: Steps = {
        "r": [Fork("a"), Join(("a",)), Busy(1.0), Fork("b"), Join(("b",))],
        "a": [Busy(5.0)],
        "b": [Busy(7.0)],
    }
    assert critical_path("r", steps) == CriticalPath(13.0, 13.0, ("r", "a", "b"))


def test_work_beside_a_child_hides_it() -> None:
    steps: Steps = {"r": [Fork("a"), Busy(3.0), Join(("a",)), Busy(1.0)], "a": [Busy(2.0)]}
    assert critical_path("r", steps) == CriticalPath(6.0, 4.0, ("r",))


def test_a_child_nobody_waited_for_delays_nobody() -> None:
    steps: Steps = {"r": [Busy(1.0), Fork("a")], "a": [Busy(100.0)]}
    assert critical_path("r", steps) == CriticalPath(101.0, 1.0, ("r",))


def test_an_earlier_chain_is_left_out_where_a_later_child_did_not_wait_for_it() -> None:
    steps: Steps = {
        "r": [Fork("long"), Fork("short"), Join(("short",)), Busy(1.0), Join(("long",))],
        "short": [Busy(1.0)],
        "long": [Busy(9.0)],
    }
    assert critical_path("r", steps) == CriticalPath(11.0, 9.0, ("r", "long"))


def test_the_path_goes_down_and_comes_back() -> None:
    steps: Steps = {
        "r": [Fork("a"), Join(("a",)), Fork("b"), Join(("b",))],
        "a": [Fork("aa"), Fork("ab"), Join(("aa", "ab"))],
        "aa": [Busy(1.0)],
        "ab": [Busy(2.0)],
        "b": [Busy(1.0)],
    }
    assert critical_path("r", steps) == CriticalPath(4.0, 3.0, ("r", "a", "ab", "b"))


@pytest.mark.parametrize(
    "odd",
    [
        [Fork("nobody"), Join(("nobody",))],
        [Join(("a",)), Fork("a")],
        [Fork("r"), Join(("r",))],
        [Join(("r", "a"))],
        [],
    ],
)
def test_steps_that_make_no_sense_are_ignored(odd: list[Step]) -> None:
    steps: Steps = {"r": [Busy(1.0), *odd], "a": [Busy(5.0), Fork("r"), Join(("r",))]}
    assert critical_path("r", steps) == CriticalPath(6.0, 1.0, ("r",))


def test_a_tree_without_its_root_has_no_path() -> None:
    assert critical_path("r", {}) == CriticalPath(0.0, 0.0, ())
    assert critical_path("r", {"a": [Busy(1.0)]}) == CriticalPath(1.0, 0.0, ())


NAMES = [str(index) for index in range(100_000)]


def test_a_line_of_a_hundred_thousand_nodes_is_no_trouble() -> None:
    steps: Steps = {
        name: [Busy(1.0), Fork(below), Join((below,))] for name, below in zip(NAMES, [*NAMES[1:], "end"], strict=True)
    }
    assert critical_path("0", steps) == CriticalPath(100_000.0, 100_000.0, tuple(NAMES))


def test_thousands_of_joins_of_one_parent_are_no_trouble() -> None:
    names = NAMES[:20_000]
    steps: dict[str, Sequence[Step]] = {name: [Busy(1.0)] for name in names}
    steps["r"] = [step for name in names for step in (Fork(name), Join((name,)))]
    assert critical_path("r", steps) == CriticalPath(20_000.0, 20_000.0, ("r", *names))


@st.composite
def trees(draw: st.DrawFn) -> dict[str, list[Step]]:
    """Trees whose nodes do whole seconds of work, fork each child once, and join some of those forked before."""
    count = draw(st.integers(1, 12))
    steps: dict[str, list[Step]] = {str(index): [] for index in range(count)}
    children = dict[str, list[str]]()
    for index in range(1, count):
        children.setdefault(str(draw(st.integers(0, index - 1))), []).append(str(index))
    for node_id, own in steps.items():
        forked = list[str]()
        for child_id in children.get(node_id, []):
            own.append(Busy(float(draw(st.integers(0, 5)))))
            own.append(Fork(child_id))
            forked.append(child_id)
            if draw(st.booleans()):
                own.append(Join(tuple(draw(st.lists(st.sampled_from(forked))))))
        own.append(Busy(float(draw(st.integers(0, 5)))))
    return steps


def longest_chain(steps: Steps) -> float:
    """The longest path from the root's first step to its last, over the graph of steps; found by trying all."""

    @cache
    def finished(node_id: str, upto: int) -> float:
        """When the first `upto` steps of a node are done, on the root's clock."""
        if upto == 0:
            return started(node_id)
        before = finished(node_id, upto - 1)
        match steps[node_id][upto - 1]:
            case Busy(seconds):
                return before + seconds
            case Join(child_ids):
                return max([before, *(finished(child_id, len(steps[child_id])) for child_id in child_ids)])
            case Fork():
                return before

    @cache
    def started(node_id: str) -> float:
        for parent_id, own in steps.items():
            if Fork(node_id) in own:
                return finished(parent_id, own.index(Fork(node_id)))
        return 0.0

    return finished("0", len(steps["0"]))


@given(trees())
def test_the_critical_path_is_the_longest_chain_of_steps(steps: dict[str, list[Step]]) -> None:
    assert critical_path("0", steps).critical_path_s == longest_chain(steps)


@given(trees())
def test_the_path_alone_takes_as_long_as_the_whole_tree(steps: dict[str, list[Step]]) -> None:
    whole = critical_path("0", steps)
    alone = {node_id: own if node_id in whole.path else [] for node_id, own in steps.items()}
    assert critical_path("0", alone).critical_path_s == whole.critical_path_s
    assert len(set(whole.path)) == len(whole.path)
    assert whole.path[0] == "0"


@given(trees(), st.lists(st.floats(0, 1e6), min_size=1))
def test_the_path_is_never_longer_than_the_work(steps: dict[str, list[Step]], seconds: list[float]) -> None:
    uneven: Steps = {
        node_id: [
            Busy(seconds[index % len(seconds)]) if isinstance(step, Busy) else step for index, step in enumerate(own)
        ]
        for node_id, own in steps.items()
    }
    result = critical_path("0", uneven)
    assert 0 <= result.critical_path_s <= result.work_s
