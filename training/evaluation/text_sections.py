"""Aggregation over texts: reading one part, and whole trees over long ones."""

import random
from collections.abc import Iterator, Sequence

from benchmarks.figures import Figure
from rao_runtime.core.task import Mode
from training.cells import READ_LINES
from training.evaluation import problems
from training.evaluation.bench import Bench, Row
from training.evaluation.problems import Problem
from training.evaluation.trials import Trials
from training.evaluation.worlds import World
from training.examples import READABLE
from training.goals import Kind

SHORT, LONG, LONGEST = 200, 2_000, 10_000
# Most lines of a text, and how long they are on average: shorter than those of training's texts, as long, longer.
MOST_LINES = 30_000
LINE_CHARS = ((8, 28), (28, 50), (50, 120))
# Small trees side by side, so that many calls are on their way as in one large tree.
PARTS_AT_ONCE, SHORT_AT_ONCE = 32, 4


async def reading(bench: Bench) -> Sequence[Row]:
    """Parts as long as a node reads them alone, for every kind of question."""
    rows, every = list[Row](), list[Trials]()
    async with bench.world() as world:
        for kind in READABLE:
            parts = [problems.part(rng, kind, READ_LINES) for rng in _rngs(bench, f"part/{kind}", 300, 3)]
            trials = await bench.run(world, parts, at_once=PARTS_AT_ONCE)
            rows.append(_right(f"reading {READ_LINES} lines: {kind}", trials))
            every.append(trials)
    together = sum(every[1:], every[0])
    figure = _right(f"reading {READ_LINES} lines, all kinds", together, bar=99.5).figure
    return [*rows, Row(figure)]


async def counting(bench: Bench) -> Sequence[Row]:
    """Counts over texts of about twice the window and far beyond it."""
    async with bench.world() as world:
        short = await _over(bench, world, [Kind.COUNT], SHORT, _rngs(bench, "count/short", 60, 2))
        long = await _over(bench, world, [Kind.COUNT], LONG, _rngs(bench, "count/long", 8, 1))
        longest = await _over(bench, world, [Kind.COUNT], LONGEST, _rngs(bench, "count/longest", 3, 0))
    rows = list[Row]()
    for lines, trials, exact in ((SHORT, short, 85.0), (LONG, long, None), (LONGEST, longest, None)):
        if trials is not None:
            rows += [_off(lines, trials), Row(_right(f"count over {lines:,}: exact", trials, bar=exact).figure)]
    return rows


async def sizes(bench: Bench) -> Sequence[Row]:
    """Known goals over texts of every size: whether the root takes them on, whatever comes of it."""
    rows = list[Row]()
    async with bench.world() as world:
        for shortest, longest in LINE_CHARS:
            name = f"lines of {shortest} to {longest} characters"
            asked = [_sized(rng, shortest, longest) for rng in _rngs(bench, name, 200, 4)]
            trials = await bench.run(world, asked, at_once=SHORT_AT_ONCE)
            rows.append(_right(f"known goals taken on, {name}", trials, bar=99))
    return rows


async def any_none(bench: Bench) -> Sequence[Row]:
    """Whether there is one hit among 2,000 lines."""
    return await _answers(bench, "any/none", [Kind.ANY, Kind.NONE], LONG, (10, 1), bar=95)


async def most_common(bench: Bench) -> Sequence[Row]:
    """What comes up most in 2,000 lines: the parts tell how often each word does."""
    return await _answers(bench, "most common", [Kind.MOST_COMMON], LONG, (20, 1), bar=95)


async def others(bench: Bench) -> Sequence[Row]:
    """The other kinds, and the one where splitting does not help."""
    rows = list[Row]()
    for kind in (Kind.DISTINCT, Kind.TALLY, Kind.COUNT_PERSON, Kind.ORDERED):
        rows += await _answers(bench, kind, [kind], SHORT, (20, 1))
    return rows


async def flat(bench: Bench) -> Sequence[Row]:
    """Counts by a single node that may not launch."""
    rows = list[Row]()
    for lines in (SHORT, LONG):
        rows += await _answers(bench, "flat count", [Kind.COUNT], lines, (20, 2), mode=Mode.FLAT)
    return rows


def _sized(rng: random.Random, shortest: int, longest: int) -> Problem:
    lines = int((MOST_LINES + 1) ** rng.random())
    line_chars = shortest * (longest / shortest) ** rng.random()
    return problems.taken_on(rng, rng.choice(READABLE), lines, line_chars)


async def _answers(
    bench: Bench,
    name: str,
    kinds: Sequence[Kind],
    lines: int,
    many: tuple[int, int],
    *,
    mode: Mode = Mode.RECURSIVE,
    bar: float | None = None,
) -> Sequence[Row]:
    async with bench.world() as world:
        trials = await _over(bench, world, kinds, lines, _rngs(bench, f"{name}/{lines}", *many), mode=mode)
    return [] if trials is None else [_right(f"{name} over {lines:,}", trials, bar=bar)]


async def _over(
    bench: Bench,
    world: World,
    kinds: Sequence[Kind],
    lines: int,
    rngs: Iterator[random.Random],
    *,
    mode: Mode = Mode.RECURSIVE,
) -> Trials | None:
    asked = [problems.aggregation(rng, kind, lines, mode=mode) for rng in rngs for kind in kinds]
    return await bench.run(world, asked, at_once=SHORT_AT_ONCE if lines <= SHORT else 1) if asked else None


def _rngs(bench: Bench, name: str, full: int, quick: int) -> Iterator[random.Random]:
    return (bench.plan.rng(name, number) for number in bench.plan.many(full, quick))


def _right(name: str, trials: Trials, *, bar: float | None = None) -> Row:
    return Row(
        Figure(name=name, value=trials.right_percent, unit="% right", bar=bar, at_least=True, note=trials.misses()),
        trials,
    )


def _off(lines: int, trials: Trials) -> Row:
    note = f"a tree: {trials.nodes / len(trials):,.0f} nodes, {trials.tree_s:.2f} s"
    name = f"count over {lines:,}: mean relative error"
    return Row(Figure(name=name, value=trials.error_percent, unit="%", bar=0.5, note=note), trials)
