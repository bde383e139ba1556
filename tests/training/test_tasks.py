"""Whole tasks, and their true answers."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.goals import Kind, Question
from training.lines import Line
from training.oracle import hits
from training.tasks import Truth, draw_exercise, truth

SEEDS = st.integers(0, 2**32)
LINES = (
    Line(text="1", words=("fox",), names=("Anna",)),
    Line(text="2", words=("date", "fox"), names=("Ben",)),
    Line(text="3", words=("date",), names=("Anna", "Ben")),
    Line(text="4", words=("lime",), names=("Ben",)),
    Line(text="5", words=("table",), names=("Anna",), boxes=5),
    Line(text="6", names=("Anna",), boxes=6),
    Line(text="7", names=("Anna",), boxes=-2),
)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.COUNT, 3),
        (Kind.COUNT_PERSON, 1),
        (Kind.DISTINCT, ["date", "lime"]),
        (Kind.MOST_COMMON, "date"),
        (Kind.TALLY, {"date": 2, "lime": 1}),
        (Kind.ANY, True),
        (Kind.NONE, False),
        (Kind.ORDERED, 7),
    ],
)
def test_the_truth_of_each_kind(kind: Kind, expected: Truth) -> None:
    person = "Anna" if kind is Kind.COUNT_PERSON else ""
    assert truth(Question(kind=kind, category="fruit", person=person), LINES) == expected


def test_of_equally_common_words_the_first_in_the_alphabet_counts() -> None:
    tied = [Line(text=word, words=(word,)) for word in ("lime", "date", "date", "lime")]
    assert truth(Question(kind=Kind.MOST_COMMON, category="fruit"), tied) == "date"


def test_the_order_of_the_lines_matters_to_the_boxes() -> None:
    question = Question(kind=Kind.ORDERED)
    assert truth(question, LINES) != truth(question, LINES[::-1])


@given(SEEDS, st.sampled_from(Kind), st.integers(1, 30), st.booleans())
def test_a_task_depends_on_the_seed_alone(seed: int, kind: Kind, lines: int, held_out: bool) -> None:
    one, other = (draw_exercise(random.Random(seed), kind, lines, held_out=held_out) for _ in range(2))
    assert one == other
    assert len(one.context.splitlines()) == lines


@given(SEEDS, st.sampled_from([Kind.COUNT, Kind.COUNT_PERSON, Kind.TALLY]), st.integers(1, 30))
def test_reading_the_text_finds_what_the_lines_were_made_of(seed: int, kind: Kind, lines: int) -> None:
    task = draw_exercise(random.Random(seed), kind, lines)
    found = hits(task.question, task.context)
    assert task.truth == (dict(Counter(found)) if kind is Kind.TALLY else len(found))


def test_whether_anything_is_mentioned_is_worth_asking() -> None:
    answers = [draw_exercise(random.Random(seed), Kind.ANY, 200).truth for seed in range(60)]
    assert 15 < answers.count(True) < 45
