"""A whole task from a seed: its goal, its text, and the true answer, taken from what the lines were made of."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from training.goals import Kind, Question, draw_question, worded
from training.lines import Line, Plot, draw_lines, with_hits
from training.words import CATEGORIES

SHELF = 9
Truth = int | bool | str | list[str] | dict[str, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """One task with its answer. `lines` is how the text came about; a model only sees `context`."""

    question: Question
    goal: str
    lines: tuple[Line, ...]
    truth: Truth

    @property
    def context(self) -> str:
        """The text, one line each."""
        return "\n".join(line.text for line in self.lines)


def draw_exercise(rng: random.Random, kind: Kind, count: int, *, held_out: bool = False) -> Exercise:
    """A task of this kind over so many lines."""
    question = draw_question(rng, kind)
    lines = tuple(text_for(rng, question, count, held_out=held_out))
    return Exercise(question=question, goal=worded(rng, question), lines=lines, truth=truth(question, lines))


def text_for(rng: random.Random, question: Question, count: int, *, held_out: bool = False) -> list[Line]:
    """A text that makes the question worth asking: where it is about any line at all, few or none are to be found."""
    plot = plot_for(rng, question)
    if question.kind in {Kind.ANY, Kind.NONE}:
        hits = rng.choice([0, 0, 0, 1, 1, 2])
        return with_hits(rng, count, min(hits, count), plot, held_out=held_out)
    return draw_lines(rng, count, plot, held_out=held_out)


def plot_for(rng: random.Random, question: Question) -> Plot:
    """What a text for this question holds."""
    if question.kind is Kind.ORDERED:
        return Plot(moves=rng.uniform(0.3, 1.0))
    words = CATEGORIES[question.category]
    return Plot(
        category=question.category,
        share=rng.choice([0.1, 0.3, 0.5, 0.7]),
        favourite=rng.choice(words) if rng.random() < 0.8 else None,
        person=question.person or None,
    )


def truth(question: Question, lines: Sequence[Line]) -> Truth:
    """The answer. Of several words that are equally common, the first in the alphabet is the most common one."""
    category = question.category
    match question.kind:
        case Kind.ORDERED:
            return _boxes(lines)
        case Kind.COUNT:
            found = [line.mentions(category)[0] for line in lines if line.mentions(category)]
        case Kind.COUNT_PERSON:
            named = [line for line in lines if question.person in line.names]
            found = [line.mentions(category)[0] for line in named if line.mentions(category)]
        case _:
            found = [word for line in lines for word in line.mentions(category)]
    return told_by(question.kind, found)


def told_by(kind: Kind, found: Sequence[str]) -> Truth:
    """The answer from the words that count, where words decide it. Raises ValueError for `ORDERED`."""
    match kind:
        case Kind.COUNT | Kind.COUNT_PERSON:
            return len(found)
        case Kind.DISTINCT:
            return sorted(set(found))
        case Kind.MOST_COMMON:
            return min(found, key=lambda word: (-found.count(word), word), default=None)
        case Kind.TALLY:
            return dict(Counter(found))
        case Kind.ANY:
            return bool(found)
        case Kind.NONE:
            return not found
        case Kind.ORDERED:
            raise ValueError("no word list tells what is on the shelf")


def _boxes(lines: Sequence[Line]) -> int:
    on_shelf = 0
    for line in lines:
        on_shelf = min(SHELF, max(0, on_shelf + line.boxes))
    return on_shelf
