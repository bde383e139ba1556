"""What a section of the evaluation works with: how much of it there is, worlds to run in, and a place for its trees."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from benchmarks.figures import Figure
from training.evaluation.problems import Problem, drawn_by
from training.evaluation.trials import Trial, Trials
from training.evaluation.worlds import SLOTS, CouldNotRun, OpenWorld, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is evaluated, and how completions are drawn. The same plan has the same tasks."""

    seed: int = 1_000_003
    temperature: float = 0.0
    quick: bool = False

    def many(self, full: int, quick: int) -> range:
        """So many problems, or so few where it is to be quick."""
        return range(quick if self.quick else full)

    def rng(self, *names: object) -> random.Random:
        """The chance behind the problem of this name."""
        return random.Random("/".join(map(str, (self.seed, *names))))


@dataclass(frozen=True, slots=True)
class Row:
    """A figure, and the trees it was taken from; None where another row already tells of them."""

    figure: Figure
    trials: Trials | None = None


class Bench:
    """Runs problems. `trials` are all that have been run; `expect` and `advance` are told how many will be and are."""

    def __init__(
        self, open_world: OpenWorld, plan: Plan, *, expect: Callable[[int], None], advance: Callable[[], None]
    ) -> None:
        self.plan = plan
        self.trials = list[Trial]()
        self._open_world = open_world
        self._expect = expect
        self._advance = advance

    def world(self, *, slots: int = SLOTS) -> AbstractAsyncContextManager[World]:
        """A world in which so many calls may be on their way at once. Raises NoModel where none answers."""
        return self._open_world(slots)

    async def run(self, world: World, problems: Sequence[Problem], *, at_once: int = 1) -> Trials:
        """Run them, so many side by side. Raises CouldNotRun where the model had its say in none."""
        self._expect(len(problems))
        began, waiting = time.monotonic(), list(enumerate(problems))[::-1]
        ended = dict[int, Trial]()

        async def one_after_the_other() -> None:
            while waiting:
                number, problem = waiting.pop()
                task = drawn_by(problem, self.plan.temperature, self.plan.seed + number)
                ended[number] = Trial(problem, await world.solve(task))
                self._advance()

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(one_after_the_other())
        trials = Trials([ended[number] for number in sorted(ended)], time.monotonic() - began)
        self.trials += trials.each
        if not any(trial.ended.ran for trial in trials.each):
            first = trials.each[0].ended
            raise CouldNotRun(f"no tree could run: {first.outcome}: {first.error.get('message')}")
        return trials
