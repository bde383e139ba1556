"""What is asked in the evaluation: the same for the same seed, and nothing that training shows."""

import random
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.limits import Ceilings, over_ceiling
from training import crafting
from training.craft_examples import is_held_out
from training.evaluation import problems
from training.evaluation.bench import Plan
from training.evaluation.ended import Ended
from training.evaluation.problems import Problem
from training.evaluation.trials import Trial, Trials
from training.evaluation.unknown import SENTENCES
from training.examples import READABLE
from training.goals import Kind, understood
from training.tasks import draw_exercise

SEEDS = st.integers(0, 2**32)


@given(SEEDS, st.sampled_from(list(Kind)), st.integers(1, 30))
def test_texts_are_of_combinations_that_training_never_shows(seed: int, kind: Kind, lines: int) -> None:
    asked = problems.aggregation(random.Random(seed), kind, lines)
    drawn = draw_exercise(random.Random(seed), kind, lines, held_out=True)
    assert (asked.task.goal, asked.task.context, asked.truth) == (drawn.goal, drawn.context, drawn.truth)


@given(SEEDS, st.sampled_from(READABLE), st.integers(1, 300), st.floats(8, 120))
def test_a_text_to_take_on_has_the_size_that_was_asked_for(
    seed: int, kind: Kind, lines: int, line_chars: float
) -> None:
    asked = problems.taken_on(random.Random(seed), kind, lines, line_chars).task
    assert isinstance(asked.context, str)
    assert len(asked.context.splitlines()) == lines
    assert len(asked.context) + 1 == pytest.approx(lines * line_chars, abs=1)
    question = understood(asked.goal)
    assert question is not None
    assert question.kind is kind


@given(SEEDS, st.integers(1, 8))
def test_orders_are_from_books_that_training_never_shows(seed: int, tier: int) -> None:
    asked = crafting.understood(problems.order(random.Random(seed), tier).task.goal)
    assert asked is not None
    assert is_held_out(asked.book)


def test_the_same_seed_asks_the_same_and_another_does_not() -> None:
    def goals(plan: Plan) -> list[str | None]:
        asked = [problems.aggregation(plan.rng("a", number), Kind.COUNT, 5) for number in plan.many(9, 3)]
        return [str(each.task.context) for each in asked]

    assert goals(Plan()) == goals(Plan())
    assert goals(Plan(quick=True)) == goals(Plan())[:3]
    assert set(goals(Plan(seed=2))).isdisjoint(goals(Plan()))


@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_sentences_of_people_are_none_of_the_known_goals(sentence: str) -> None:
    assert understood(sentence) is None
    assert crafting.understood(sentence) is None


def test_no_limit_is_above_what_a_server_allows() -> None:
    for limits in (problems.LIMITS, problems.FEW, problems.ALONE):
        assert over_ceiling(limits, Ceilings()) == []


def test_an_answer_of_another_type_is_not_the_true_one() -> None:
    assert problems.same(3, 3)
    assert not problems.same(True, 1)
    assert not problems.same("3", 3)
    assert not problems.same(None, [])


def test_a_tree_that_failed_is_not_right_where_the_truth_is_that_there_is_nothing() -> None:
    drawn = (problems.aggregation(random.Random(seed), Kind.MOST_COMMON, 1) for seed in count())
    asked = next(problem for problem in drawn if problem.truth is None)
    assert asked.right(Ended(status="completed", answer=None))
    assert not asked.right(Ended(status="failed", answer=None, error={"reason": "unable"}))


@pytest.mark.parametrize(("answer", "off"), [(10, 0.0), (9, 0.1), (12.0, 0.2), (None, 1.0), (True, 1.0), ("10", 1.0)])
def test_a_missing_number_is_as_wrong_as_none_found(answer: object, off: float) -> None:
    asked = problems.aggregation(random.Random(1), Kind.COUNT, 5)
    trial = Trial(Problem(task=asked.task, right=asked.right, truth=10), Ended(status="completed", answer=answer))
    assert trial.error == pytest.approx(off)
    assert Trials([trial, trial], 1.0).error_percent == pytest.approx(100 * off)


def test_a_goal_is_turned_down_by_one_node_and_in_clear_words_only() -> None:
    asked = problems.unknown("Translate it.", None)
    clear = {"reason": "unable", "kind": "impossible"}
    assert asked.right(Ended(status="failed", error=clear))
    assert not asked.right(Ended(status="failed", error=clear, nodes=2))
    assert not asked.right(Ended(status="failed", error={"reason": "turns", "kind": None}))
    assert not asked.right(Ended(status="failed", error={"reason": "unable", "kind": "insufficient_context"}))
    assert not asked.right(Ended(status="completed", answer=3))


def test_a_goal_is_taken_on_unless_it_is_turned_down_or_never_came_to_an_end() -> None:
    asked = problems.taken_on(random.Random(5), Kind.COUNT, 9, 40)
    assert asked.right(Ended(status="completed", answer=0))
    assert asked.right(Ended(status="failed", error={"reason": "unable", "kind": "insufficient_context"}))
    assert not asked.right(Ended(status="failed", error={"reason": "unable", "kind": "impossible"}))
    assert not asked.right(Ended(status="failed", error={"reason": "turns", "kind": None}))


def test_what_is_crafted_must_be_all_that_is_left() -> None:
    asked = problems.order(random.Random(4), 3)
    order = crafting.understood(asked.task.goal)
    assert order is not None
    left = {str(order.book): {order.item: order.count}}
    assert asked.right(Ended(status="completed", answer=asked.truth, inventory=left))
    assert not asked.right(Ended(status="completed", answer=asked.truth))
    more = {str(order.book): {order.item: order.count, "oak rod": 1}}
    assert not asked.right(Ended(status="completed", answer=asked.truth, inventory=more))
    assert not asked.right(Ended(status="failed", error={"reason": "unable"}, inventory=left))
