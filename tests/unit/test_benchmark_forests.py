"""The forests that the benchmark of placement and order grows, and the bounds that benchmarks divide by."""

import re
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.forest_floor import Engines, floor
from benchmarks.forest_script import ForestScript
from benchmarks.forests import CHARS_PER_TOKEN, DEPTH, SCENARIOS, Node, Scenario, lone_leaf, node_of, roots
from benchmarks.shape import LARGE, Shape
from rao_runtime.engine.launch import MAX_GOAL_CHARS
from rao_runtime.standin.refusal import Refusal
from rao_runtime.standin.request import ChatMessage, ChatRequest
from rao_runtime.standin.tokens import count

FORESTS = st.builds(roots, st.sampled_from(list(SCENARIOS.values())), st.integers(0, 1000), st.just(5))
ENDS = "</python>"


def _asked(goal: str, turn: int = 0) -> ChatRequest:
    history = [message for _ in range(turn) for message in (_said("assistant", "so"), _said("user", "[Cell Output]"))]
    system = _said("system", "<python> launch_subagent")
    return ChatRequest(messages=[system, _said("user", f"context is None.\nGoal: {goal}"), *history])


def _said(role: str, text: str) -> ChatMessage:
    return ChatMessage(role=role, content=text)


def _goal(node: Node) -> str:
    """As it is after all launches down to this node: every ancestor's part, then its own."""
    return "".join(node_of(_marked(node, depth)).own_part for depth in range(1, len(node.path) + 1))  # pyright: ignore[reportOptionalMemberAccess] - each is of a forest


def _marked(node: Node, depth: int) -> str:
    path = ".".join(map(str, node.path[:depth]))
    return f"\n[forest {node.scenario.name} {node.seed} {node.tree} {path}]"


def _launched(cell: str, goal: str) -> list[str]:
    """The goals of the children, by running the part of the cell that makes them."""
    making = re.search(r"^own = (.+)$", cell, re.MULTILINE)
    assert making is not None
    parts: list[str] = eval(making[1])  # noqa: S307 - a cell of the script under test
    return [goal + part for part in parts]


@given(FORESTS)
def test_the_same_seed_grows_the_same_forest(forest: tuple[Node, ...]) -> None:
    first = forest[0]
    again = roots(first.scenario, first.seed, len(forest))
    assert [list(root.nodes) for root in again] == [list(root.nodes) for root in forest]


def test_another_seed_grows_another_forest() -> None:
    for scenario in SCENARIOS.values():
        shapes = [[len(list(root.nodes)) for root in roots(scenario, seed)] for seed in range(3)]
        assert shapes[0] != shapes[1] != shapes[2]


@given(FORESTS)
def test_trees_have_the_stated_depth_and_fan_out(forest: tuple[Node, ...]) -> None:
    for root in forest:
        nodes = list(root.nodes)
        assert root.fanout
        assert max(len(node.path) for node in nodes) <= 1 + DEPTH
        assert {node.fanout for node in nodes} <= {0, 2, 3, 4, 5, 6}
        assert len({node.path for node in nodes}) == len(nodes) == 1 + sum(node.fanout for node in nodes)
        assert all(len(node.turns) == 2 for node in nodes if node.fanout)


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda scenario: scenario.name)
def test_a_tree_has_some_35_calls(scenario: Scenario) -> None:
    calls = [sum(len(node.turns) for node in root.nodes) for seed in range(10) for root in roots(scenario, seed)]
    assert 30 <= fmean(calls) <= 40


@given(FORESTS, st.data())
def test_a_cell_launches_the_children_with_their_parents_goal_and_a_part_of_their_own(
    forest: tuple[Node, ...], data: st.DataObject
) -> None:
    node = data.draw(st.sampled_from([node for node in forest[0].nodes if node.fanout]))
    goal = _goal(node)
    cell = ForestScript().reply(_asked(goal)).text
    assert _launched(cell, goal) == [goal + child.own_part for child in node.children] == [*map(_goal, node.children)]
    own = node.scenario.own_tokens * CHARS_PER_TOKEN
    assert all(own < len(child.own_part) < own + 50 for child in node.children)


@given(FORESTS, st.data())
def test_a_completion_is_as_long_as_the_turn_says(forest: tuple[Node, ...], data: st.DataObject) -> None:
    node = data.draw(st.sampled_from(list(forest[0].nodes)))
    for turn, tokens in enumerate(node.turns):
        text = ForestScript().reply(_asked(_goal(node), turn)).text
        assert text.endswith(ENDS)
        assert count(text, CHARS_PER_TOKEN) == tokens


def test_no_goal_is_longer_than_one_may_be() -> None:
    for scenario in SCENARIOS.values():
        assert max(len(_goal(node)) for root in roots(scenario, 1) for node in root.nodes) <= MAX_GOAL_CHARS


def test_a_lone_leaf_launches_nothing() -> None:
    for scenario in SCENARIOS.values():
        leaf = lone_leaf(scenario, 1, 10**6)
        assert leaf.fanout == 0
        assert node_of(leaf.own_part) == leaf


def test_a_goal_of_no_forest_is_refused() -> None:
    assert node_of("tree 10 10") is None
    with pytest.raises(Refusal):
        ForestScript().reply(_asked("tree 10 10"))


@given(FORESTS)
def test_the_floor_falls_as_replicas_grow_and_never_under_the_longest_chain_of_calls(forest: tuple[Node, ...]) -> None:
    some, many, endless = (floor(forest, Engines(replicas=number)) for number in (1, 4, 10**6))
    assert some.mean_s >= many.mean_s >= endless.mean_s > 0
    assert some.makespan_s >= many.makespan_s >= endless.makespan_s >= endless.mean_s


def test_a_slot_does_a_whole_number_of_calls_before_the_bound() -> None:
    # 1,000 leaves and 2,000 calls of theirs: 256 slots take eight rounds, after three turns and before three.
    assert LARGE.bound_s(1.0, 256) == pytest.approx(14.0)
    assert LARGE.bound_s(1.0, 1024) == pytest.approx(8.0)
    assert Shape((10,)).bound_s(0.5, 1) == pytest.approx(11.0)
