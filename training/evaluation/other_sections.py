"""Goals that are to be turned down, crafting, and what it gains to run all nodes at once."""

import random
from collections.abc import Sequence

from benchmarks.figures import Figure
from rao_crafting.recipes import DEEPEST
from training.beyond import draw_beyond
from training.craft_examples import DEEPEST_TAUGHT
from training.evaluation import problems
from training.evaluation.bench import Bench, Row
from training.evaluation.problems import Problem
from training.evaluation.trials import Trials
from training.evaluation.unknown import SENTENCES
from training.goals import Kind
from training.tasks import draw_exercise

AT_ONCE = 8
TEXT_LINES = 200
GAIN_LINES, QUICK_GAIN_LINES = 2_000, 200


async def unknown(bench: Bench) -> Sequence[Row]:
    """Goals that training can draw, and some that it cannot; every other one comes with a text."""
    drawn = [bench.plan.rng("unknown", number) for number in bench.plan.many(150, 6)]
    asked = [_unknown(rng, draw_beyond(rng), number) for number, rng in enumerate(drawn)]
    own = [_unknown(bench.plan.rng("sentence", number), sentence, number) for number, sentence in enumerate(SENTENCES)]
    rows = list[Row]()
    async with bench.world() as world:
        for name, some in (("unknown goals, drawn", asked), ("unknown goals, of people", own)):
            trials = await bench.run(world, some, at_once=AT_ONCE)
            most = max(trial.ended.nodes for trial in trials.each)
            note = f"{trials.ends()}; most nodes of a tree: {most}"
            figure = Figure(name=f"{name}: turned down at once", value=trials.right_percent, unit="%", note=note)
            rows.append(Row(figure, trials))
    return rows


async def crafting(bench: Bench) -> Sequence[Row]:
    """Items of the tiers that training shows, and of the two below them."""
    rows = list[Row]()
    async with bench.world() as world:
        for first, last, bar, full in ((1, DEEPEST_TAUGHT, 95, 15), (DEEPEST_TAUGHT + 1, DEEPEST, 85, 25)):
            tiers = [(tier, number) for tier in range(first, last + 1) for number in bench.plan.many(full, 1)]
            asked = [problems.order(bench.plan.rng("craft", tier, number), tier) for tier, number in tiers]
            trials = await bench.run(world, asked, at_once=AT_ONCE)
            figure = Figure(
                name=f"crafting, tiers {first} to {last}",
                value=trials.right_percent,
                unit="% right",
                bar=bar,
                at_least=True,
                note=trials.misses(),
            )
            rows.append(Row(figure, trials))
    return rows


async def gain(bench: Bench) -> Sequence[Row]:
    """The same count with all nodes at once and with one call at a time."""
    lines = QUICK_GAIN_LINES if bench.plan.quick else GAIN_LINES
    asked = [problems.aggregation(bench.plan.rng("gain"), Kind.COUNT, lines)]
    async with bench.world() as world:
        together = await bench.run(world, asked)
    async with bench.world(slots=1) as world:
        single = await bench.run(world, asked)
    return _gained(together, single, lines)


def _gained(together: Trials, single: Trials, lines: int) -> Sequence[Row]:
    at_once, alone = together.each[0].ended, single.each[0].ended
    gained = Figure(
        name=f"count over {lines:,}, all nodes at once against one call at a time",
        value=alone.wall_s / at_once.wall_s,
        unit="x",
        bar=1.6,
        at_least=True,
        note=f"{at_once.wall_s:.2f} s ({at_once.nodes} nodes) against {alone.wall_s:.2f} s ({alone.nodes})",
    )
    # Calls that run alone do not wait for each other: their times are the work itself.
    ideal = Figure(
        name="the ideal: work ÷ critical path",
        value=alone.work_s / alone.critical_path_s,
        unit="x",
        note=f"{alone.work_s:.2f} s ÷ {alone.critical_path_s:.2f} s, by the calls' times when they run alone",
    )
    speed = Figure(
        name="output tokens/s, all nodes at once",
        value=at_once.usage.output_tokens / at_once.wall_s,
        note="of the whole tree, with the runtime's own work and the sandbox's",
    )
    return [Row(gained, together + single), Row(ideal), Row(speed)]


def _unknown(rng: random.Random, goal: str, number: int) -> Problem:
    text = draw_exercise(rng, Kind.COUNT, TEXT_LINES, held_out=True).context
    return problems.unknown(goal, text if number % 2 else None)
