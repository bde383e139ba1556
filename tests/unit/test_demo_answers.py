"""What the demo holds to be true, and how it tells how far off an answer is."""

import random
from contextlib import redirect_stdout
from io import StringIO

import pytest

from examples.demo.differences import difference
from examples.demo.job import drawn
from examples.demo.solving import limits
from examples.demo.word_list import knows, truth
from training.cells import read_named
from training.goals import Kind, Question
from training.tasks import Truth, draw_exercise


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.ORDERED])
@pytest.mark.parametrize("seed", range(3))
def test_the_word_list_agrees_with_what_the_lines_were_made_of(kind: Kind, seed: int) -> None:
    exercise = draw_exercise(random.Random(seed), kind, 120, held_out=True)
    assert knows(exercise.question)
    assert truth(exercise.question, exercise.context) == exercise.truth


def test_a_name_is_found_wherever_its_letters_stand_as_the_models_code_finds_it() -> None:
    question = Question(kind=Kind.COUNT_PERSON, category="fruit", person="Anna")
    text = "Anna has a lime.\nAnnabel has a plum.\nJoanna has a plum.\nBen has a date."
    with redirect_stdout(StringIO()) as shown:
        exec(read_named("Anna"), {"context": text})  # noqa: S102 - a cell of our own
    assert truth(question, text) == len(shown.getvalue().splitlines()) == 2


@pytest.mark.parametrize(
    ("answer", "truth", "told"),
    [
        (504, 504, "none"),
        (504.0, 504, "none"),
        (498, 504, "-6 (1.2%)"),
        (1_600, 504, "+1,096 (217.5%)"),
        (2, 0, "+2"),
        ("504", 504, "no number"),
        (True, 1, "no number"),
        (True, True, "none"),
        (1, True, "wrong"),
        (False, True, "wrong"),
        ("fox", "fox", "none"),
        ("owl", "fox", "wrong"),
        (None, None, "none"),
        (["owl", "fox"], ["fox", "owl"], "none"),
        (["fox", "elm"], ["fox", "owl", "seal"], "2 missing, 1 too many"),
        (["fox", "fox", "owl"], ["fox", "owl"], "1 too many"),
        ("fox", ["fox"], "no list"),
        ({"fox": 2, "owl": 1}, {"owl": 1, "fox": 2}, "none"),
        ({"fox": 2, "elm": 1}, {"fox": 3, "owl": 1}, "3 of 3 wrong"),
        ([], {"fox": 1}, "no table"),
    ],
)
def test_a_difference_is_told_in_a_few_words(answer: object, truth: Truth, told: str) -> None:
    assert difference(answer, truth) == told


def test_the_same_seed_draws_the_same_text() -> None:
    assert drawn(7, 50, Kind.TALLY) == drawn(7, 50, Kind.TALLY)
    assert drawn(7, 50, Kind.TALLY).text != drawn(8, 50, Kind.TALLY).text


def test_a_text_is_drawn_for_a_goal_that_is_understood() -> None:
    job = drawn(1, 200, Kind.COUNT, "Does any line mention a drink?")
    assert job.known is not None
    assert isinstance(job.known.answer, bool)


def test_any_other_goal_has_no_truth() -> None:
    job = drawn(1, 20, Kind.COUNT, "Write a poem.")
    assert (job.goal, job.known) == ("Write a poem.", None)


def test_limits_leave_room_and_stay_below_a_servers_ceiling() -> None:
    assert limits(5_000) == {"max_nodes": 10_000, "max_tokens": 12_000_000, "max_depth": 8}
    assert limits(1) == {"max_nodes": 1_000, "max_tokens": 2_002_000, "max_depth": 8}
    assert limits(4_000_000) == {"max_nodes": 100_000, "max_tokens": 1_000_000_000, "max_depth": 8}
