"""What is to be solved: a goal, a text, and the true answer where it is known."""

import random
from dataclasses import dataclass
from pathlib import Path

from examples.demo import word_list
from examples.demo.files import read_text
from training.goals import Kind, understood
from training.tasks import Truth, draw_exercise, text_for, truth

MADE_OF = "what the lines were made of"
GOAL = "Count the lines that mention an animal."
BYTES_PER_TOKEN = 3  # about, as the server estimates


@dataclass(frozen=True, slots=True)
class Known:
    """The true answer. `source` says who knows it."""

    answer: Truth
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One task. `source` says where its text is from; `seed` is for the model's sampling, too."""

    goal: str
    text: str
    source: str
    seed: int
    known: Known | None

    @property
    def lines(self) -> int:
        """How many lines its text has."""
        return len(self.text.splitlines())

    @property
    def tokens(self) -> int:
        """About how many tokens its text has."""
        return len(self.text.encode()) // BYTES_PER_TOKEN


def drawn(seed: int, lines: int, kind: Kind, goal: str | None = None) -> Job:
    """A text that no model was trained on, with a goal of this kind or a given one."""
    rng = random.Random(seed)
    question = None if goal is None else understood(goal)
    if goal is None or question is None:
        exercise = draw_exercise(rng, kind, lines, held_out=True)
        text, known = exercise.context, None if goal else Known(exercise.truth, MADE_OF)
        goal = goal or exercise.goal
    else:
        made = text_for(rng, question, lines, held_out=True)
        text, known = "\n".join(line.text for line in made), Known(truth(question, made), MADE_OF)
    return Job(goal=goal, text=text, source=f"drawn from seed {seed}", seed=seed, known=known)


def from_file(path: Path, goal: str, seed: int) -> Job:
    """The text of a file. Raises BadInput where it cannot be read."""
    text, question = read_text(path), understood(goal)
    known = None
    if question is not None and word_list.knows(question):
        known = Known(word_list.truth(question, text), "our word list")
    return Job(goal=goal.strip(), text=text, source=f"from {path.name}", seed=seed, known=known)
