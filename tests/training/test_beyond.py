"""Goals that the model does not know."""

import random

from hypothesis import given
from hypothesis import strategies as st

from training import crafting
from training.beyond import draw_beyond
from training.goals import understood
from training.words import CATEGORY_OF, NAMES, PLAIN

SEEDS = st.integers(0, 2**32)


@given(SEEDS)
def test_goals_beyond_the_kinds_are_not_mistaken_for_one(seed: int) -> None:
    goal = draw_beyond(random.Random(seed))
    assert goal.strip() == goal != ""
    assert understood(goal) is None
    assert crafting.understood(goal) is None


def test_they_hardly_ever_repeat() -> None:
    rng = random.Random(1)
    drawn = [draw_beyond(rng) for _ in range(4_000)]
    assert len(set(drawn)) > 3_400


def test_they_ask_of_known_words_in_the_wrong_place_and_of_words_that_are_none() -> None:
    rng = random.Random(2)
    drawn = [draw_beyond(rng) for _ in range(4_000)]
    start = "Tally each kind of "
    kinds = {goal.removeprefix(start).removesuffix(".") for goal in drawn if goal.startswith(start)}
    for listed in ({*CATEGORY_OF}, {*PLAIN}, {*NAMES}):
        assert kinds & listed
    assert len(kinds - {*CATEGORY_OF, *PLAIN, *NAMES}) > 10
    assert any(goal.startswith("Craft") for goal in drawn)
    assert {len(goal.split()) for goal in drawn} >= {*range(3, 14)}
