"""Goals in words, and back."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.goals import PHRASINGS, Kind, draw_question, in_words, understood, worded

SEEDS = st.integers(0, 2**32)


@given(SEEDS, st.sampled_from(Kind))
def test_every_question_is_understood_from_its_words(seed: int, kind: Kind) -> None:
    rng = random.Random(seed)
    question = draw_question(rng, kind)
    assert understood(worded(rng, question)) == question


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_several_phrasings_that_differ(kind: Kind) -> None:
    question = draw_question(random.Random(1), kind)
    texts = {in_words(question, phrasing, kind_of=way) for phrasing in PHRASINGS[kind] for way in (False, True)}
    assert len(texts) >= len(PHRASINGS[kind]) >= 3


@pytest.mark.parametrize(
    "goal",
    ["", "Count the lines that mention a kind of planet.", "Count the lines that mention Nobody and a fruit.", "fruit"],
)
def test_what_is_only_like_a_goal_is_not_understood(goal: str) -> None:
    assert understood(goal) is None


def test_the_goal_of_the_demo_is_understood() -> None:
    question = understood("Count the lines that mention a kind of fruit.")
    assert question is not None
    assert (question.kind, question.category) == (Kind.COUNT, "fruit")
