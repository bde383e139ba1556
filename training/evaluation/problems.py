"""The tasks of the evaluation, each with what makes its tree right; of combinations that training never shows."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from rao_crafting.recipes import DEEPEST
from rao_runtime.core.limits import Limits
from rao_runtime.core.task import Mode, Sampling, Task
from training import crafting
from training.craft_examples import draw_order
from training.evaluation.ended import Ended
from training.goals import Kind, draw_question, worded
from training.tasks import draw_exercise

# More than any of these tasks needs: what a tree does wrong is to show in its figures, not in a limit it met.
LIMITS = Limits(max_depth=DEEPEST, max_nodes=20_000, max_tokens=200_000_000, deadline_s=900)
# A tree that runs away over a goal it should turn down need not be followed for so long.
FEW = replace(LIMITS, max_nodes=500, deadline_s=60)
# The root alone: what it makes of its goal shows, and no part is read.
ALONE = replace(LIMITS, max_nodes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A task; `truth` is its answer where it has one, `label` tells tables what it belongs to."""

    task: Task
    right: Callable[[Ended], bool]
    truth: Any = None
    label: str = ""


def aggregation(rng: random.Random, kind: Kind, lines: int, *, mode: Mode = Mode.RECURSIVE) -> Problem:
    """A question over so many lines."""
    drawn = draw_exercise(rng, kind, lines, held_out=True)
    task = Task(goal=drawn.goal, context=drawn.context, mode=mode, limits=LIMITS)
    return Problem(task=task, right=lambda ended: answered(ended, drawn.truth), truth=drawn.truth, label=kind)


def part(rng: random.Random, kind: Kind, lines: int) -> Problem:
    """A text that one node is to read alone."""
    asked = aggregation(rng, kind, lines)

    def right(ended: Ended) -> bool:
        return ended.nodes == 1 and asked.right(ended)

    return replace(asked, right=right)


def taken_on(rng: random.Random, kind: Kind, lines: int, line_chars: float) -> Problem:
    """A known goal over so many lines of so many characters on average; right unless it is turned down.

    No part of the text can be handed on, so a root that splits it ends for want of them.
    """
    task = Task(
        goal=worded(rng, draw_question(rng, kind)),
        context=_of_length(rng, lines, line_chars),
        mode=Mode.RECURSIVE,
        limits=ALONE,
    )
    return Problem(task=task, right=_taken_on, label=kind)


def order(rng: random.Random, tier: int) -> Problem:
    """An item of this tier to craft; right where it is made, and nothing else is left over."""
    drawn = draw_order(rng, tier, held_out=True)
    task = Task(
        goal=crafting.worded(rng, drawn), mode=Mode.RECURSIVE, tools=tuple(sorted(crafting.TOOLS)), limits=LIMITS
    )
    made, left = f"made {drawn.count} {drawn.item}", {str(drawn.book): {drawn.item: drawn.count}}
    return Problem(
        task=task,
        right=lambda ended: answered(ended, made) and ended.inventory == left,
        truth=made,
        label=f"tier {tier}",
    )


def unknown(goal: str, context: str | None) -> Problem:
    """A goal that is to be turned down at once."""
    task = Task(goal=goal, context=context, mode=Mode.RECURSIVE, limits=FEW)
    return Problem(task=task, right=_turned_down)


def drawn_by(problem: Problem, temperature: float, seed: int) -> Task:
    """The problem's task, with its completions drawn like this."""
    return replace(problem.task, sampling=Sampling(temperature=temperature, seed=seed))


def answered(ended: Ended, truth: object) -> bool:
    """Whether a tree gave the true answer; one that failed gave none, also where the truth is None."""
    return ended.status == "completed" and same(ended.answer, truth)


def same(answer: object, truth: object) -> bool:
    """Whether an answer is the true one; `True` is no 1."""
    return type(answer) is type(truth) and answer == truth


def _of_length(rng: random.Random, lines: int, line_chars: float) -> str:
    """Lines cut from the words of an ordinary text wherever they happen to end; lengths count the line's end."""
    passage = draw_exercise(rng, Kind.COUNT, 50, held_out=True).context.replace("\n", " ")
    ends = [round(line_chars * number) - number for number in range(lines + 1)]
    words = passage * (ends[-1] // len(passage) + 1)
    return "\n".join(words[first:last] for first, last in pairwise(ends))


def _taken_on(ended: Ended) -> bool:
    return ended.status == "completed" or ended.outcome == "insufficient_context"


def _turned_down(ended: Ended) -> bool:
    said = ended.error.get("reason"), ended.error.get("kind")
    return ended.status == "failed" and said == ("unable", "impossible") and ended.nodes == 1
