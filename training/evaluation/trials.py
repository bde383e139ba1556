"""Problems with what came of them, and the sums over them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rao_runtime.core.usage import Usage
from rao_runtime.core.view import amount
from training.evaluation.decisions import Decisions
from training.evaluation.ended import Ended
from training.evaluation.problems import Problem


@dataclass(frozen=True, slots=True)
class Trial:
    """One problem and its tree."""

    problem: Problem
    ended: Ended

    @property
    def right(self) -> bool:
        """Whether the tree did what was asked."""
        return self.problem.right(self.ended)

    @property
    def error(self) -> float:
        """How far a number is off, as a share of the truth; 1 where there is no number."""
        answer, truth = self.ended.answer, self.problem.truth
        if isinstance(answer, bool) or not isinstance(answer, int | float):
            return 1.0
        return abs(answer - truth) / max(1, truth)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        task = self.problem.task
        lines = len(task.context.splitlines()) if isinstance(task.context, str) else None
        asked = {"label": self.problem.label, "goal": task.goal, "lines": lines, "truth": self.problem.truth}
        return asked | {"right": self.right} | self.ended.as_dict()


@dataclass(frozen=True, slots=True)
class Trials:
    """Some of them, and the seconds they took together, side by side or one by one."""

    each: Sequence[Trial]
    wall_s: float

    def __add__(self, other: "Trials") -> "Trials":
        return Trials([*self.each, *other.each], self.wall_s + other.wall_s)

    def __len__(self) -> int:
        return len(self.each)

    @property
    def right_percent(self) -> float:
        """How many of a hundred were right."""
        return 100 * sum(trial.right for trial in self.each) / len(self.each)

    @property
    def error_percent(self) -> float:
        """The mean relative error."""
        return 100 * sum(trial.error for trial in self.each) / len(self.each)

    @property
    def nodes(self) -> int:
        """Of all trees together."""
        return sum(trial.ended.nodes for trial in self.each)

    @property
    def tree_s(self) -> float:
        """What a tree took, on average; those side by side slow each other down."""
        return sum(trial.ended.wall_s for trial in self.each) / len(self.each)

    @property
    def usage(self) -> Usage:
        """Of all trees together."""
        return sum((trial.ended.usage for trial in self.each), Usage())

    @property
    def cost(self) -> Decimal | None:
        """Of all trees together; None where the model has no price."""
        priced = [trial.ended.cost for trial in self.each if trial.ended.cost is not None]
        return sum(priced, Decimal(0)) if priced else None

    @property
    def decisions(self) -> Decisions:
        """Of all trees together."""
        return sum((trial.ended.decisions for trial in self.each), Decisions())

    def spent(self) -> dict[str, Any]:
        """What the trees took, as JSON."""
        cost = None if self.cost is None else amount(self.cost)
        spent = {"trees": len(self), "nodes": self.nodes, "wall_s": self.wall_s, "cost": cost}
        return spent | {"usage": self.usage.as_dict()}

    def ends(self) -> str:
        """How often a tree was right, and how the others ended: `right 8, wrong 1, insufficient_context 1`."""
        ends = Counter(map(_end, self.each))
        return ", ".join(f"{end} {count}" for end, count in ends.most_common())

    def misses(self) -> str:
        """How those ended that were not right, by what they belong to where they differ in that."""
        labels = {trial.problem.label for trial in self.each}
        missed = Counter((trial.problem.label, _end(trial)) for trial in self.each if not trial.right)
        told = [(f"{label} {end}" if len(labels) > 1 else end, count) for (label, end), count in sorted(missed.items())]
        return ", ".join(f"{name} {count}" for name, count in told)


def _end(trial: Trial) -> str:
    if trial.right:
        return "right"
    return "wrong" if trial.ended.status == "completed" else trial.ended.outcome
