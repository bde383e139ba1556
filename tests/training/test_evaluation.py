"""The evaluation: the oracle reaches every bar, and a policy that makes mistakes is found out."""

from collections.abc import Sequence

import pytest

from benchmarks.figures import Figure
from rao_runtime.ports import Message
from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.refusal import Refusal
from rao_runtime.standin.script import RuleScript
from rao_runtime.standin.server import StandIn
from training.cells import READ_LINES
from training.evaluation.bench import Bench, Plan
from training.evaluation.oracle_replica import Strike
from training.evaluation.sections import SECTIONS, of_decisions
from training.evaluation.worlds import WARM_UP, CouldNotRun, NoModel, OpenWorld, at_replica, oracle
from training.goals import Kind, understood
from training.view import View

QUICK = Plan(quick=True)
# Per section: the figures that have a bar.
BARS = {"reading": 1, "sizes": 3, "count": 3, "any_none": 1, "most_common": 1, "crafting": 2, "gain": 1}

Prompt = Sequence[Message]


class Progress:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.expected = self.done = 0

    def expect(self, more: int) -> None:
        self.expected += more

    def advance(self) -> None:
        self.done += 1


def bench(open_world: OpenWorld, plan: Plan = QUICK) -> Bench:
    progress = Progress()
    return Bench(open_world, plan, expect=progress.expect, advance=progress.advance)


async def figures(name: str, strike: Strike = lambda _: None) -> dict[str, Figure]:
    """The figures of a section and those of its decisions, where the oracle is struck like this."""
    running = bench(oracle(strike))
    rows = [*await SECTIONS[name](running), *of_decisions(running.trials)]
    return {row.figure.name: row.figure for row in rows}


def is_printed_part(messages: Prompt) -> bool:
    """Whether a node is to say what it found in its part."""
    return f"\ncontext: {READ_LINES} lines" in "\n" + messages[1].content and len(messages) == 4


@pytest.mark.parametrize("name", SECTIONS)
async def test_the_oracle_reaches_every_bar(name: str) -> None:
    progress = Progress()
    running = Bench(oracle(), QUICK, expect=progress.expect, advance=progress.advance)
    rows = await SECTIONS[name](running)
    verdicts = [row.figure.met for row in rows if row.figure.bar is not None]
    assert verdicts == [True] * BARS.get(name, 0)
    assert all(row.figure.value in {0, 100} for row in rows if row.figure.unit.startswith("%"))
    assert [row.figure.value for row in of_decisions(running.trials)] == [0] * len(of_decisions(running.trials))
    assert progress.expected == progress.done == len(running.trials) > 0


async def test_flat_counts_over_long_texts_fail_and_the_failure_is_named() -> None:
    found = await figures("flat")
    assert {name: figure.value for name, figure in found.items()} == {
        "flat count over 200": 0,
        "flat count over 2,000": 0,
    }
    assert found["flat count over 200"].note == "insufficient_context 2"


async def test_one_leaf_that_miscounts_shows_in_the_counts() -> None:
    goals = set[str]()

    def once_a_tree(messages: Prompt) -> str | None:
        goal = messages[1].content.partition("Goal: ")[2]
        if goal in goals or not is_printed_part(messages):
            return None
        goals.add(goal)
        return "<thought></thought>\n<python>\nfinish(100)\n</python>"

    found = await figures("count", once_a_tree)
    for lines in ("200", "2,000"):
        assert found[f"count over {lines}: mean relative error"].met is False
        assert found[f"count over {lines}: exact"].value == 0
    assert found["count over 200: exact"].met is False


async def test_one_part_read_wrong_keeps_reading_below_its_bar() -> None:
    struck = list[Prompt]()

    def once(messages: Prompt) -> str | None:
        if struck or not is_printed_part(messages):
            return None
        struck.append(messages)
        return "<thought></thought>\n<python>\nfinish(100)\n</python>"

    found = await figures("reading", once)
    together = found[f"reading {READ_LINES} lines, all kinds"]
    assert (together.value, together.met) == (pytest.approx(100 * 20 / 21), False)
    assert found[f"reading {READ_LINES} lines: count"].note == "wrong 1"


async def test_a_policy_that_knows_no_long_lines_misses_the_bar_of_those_alone() -> None:
    def strike(messages: Prompt) -> str | None:
        view = View.of(messages)
        if view.lines is None or view.chars is None or view.chars / view.lines < 50:
            return None
        return '<thought></thought>\n<python>\nfail("impossible", "too long for me")\n</python>'

    found = await figures("sizes", strike)
    assert [figure.met for figure in found.values() if figure.bar is not None] == [True, True, False]
    assert found["under-split, texts"].value > 0


async def test_a_part_that_is_split_is_not_read_and_counts_as_over_split() -> None:
    split = (
        "<thought></thought>\n<python>\nimport asyncio\nrs = await asyncio.gather(*[launch_subagent(goal, p) for p in "
        "context.splitlines()])\nprint(rs)\nfinish(sum(rs))\n</python>"
    )

    def strike(messages: Prompt) -> str | None:
        head, _, goal = messages[1].content.partition("Goal: ")
        question = understood(goal)
        is_count = question is not None and question.kind is Kind.COUNT
        return split if is_count and f"context: {READ_LINES} lines" in head else None

    running = bench(oracle(strike))
    rows = await SECTIONS["reading"](running)
    over = [trial for trial in running.trials if trial.problem.label == Kind.COUNT]
    assert [trial.ended.nodes for trial in over] == [1 + READ_LINES] * 3
    assert all(trial.ended.answer == trial.problem.truth and not trial.right for trial in over)
    assert rows[-1].figure.met is False
    rate = of_decisions(running.trials)[0].figure
    nodes = sum(trial.ended.nodes for trial in running.trials)
    assert (rate.name, rate.value) == ("over-split, texts", pytest.approx(100 * len(over) / nodes))


async def test_a_root_that_reads_what_it_should_split_counts_as_under_split() -> None:
    def strike(messages: Prompt) -> str | None:
        return (
            "<thought></thought>\n<python>\nfinish(7)\n</python>"
            if "context: 200 lines" in messages[1].content
            else None
        )

    found = await figures("count", strike)
    # Of 2,000 lines the root, its two parts and their 21 split.
    assert found["under-split, texts"].note == "2 of 26 nodes that had to split"
    assert found["over-split, texts"].value == 0
    assert found["count over 200: exact"].value == 0
    assert found["count over 2,000: exact"].value == 100


async def test_crafting_that_leaves_something_over_or_splits_for_simple_things_is_not_right() -> None:
    def strike(messages: Prompt) -> str | None:
        told = messages[-1].content
        if " raw " not in told or " deep " in told or " simple " in told:
            return None
        return '<thought></thought>\n<python>\nfinish(str(await launch_subagent("Hello")))\n</python>'

    found = await figures("crafting", strike)
    assert found["crafting, tiers 1 to 6"].met is False
    assert found["over-split, crafting"].value > 0


async def test_an_answer_to_what_nobody_can_know_is_told() -> None:
    def strike(messages: Prompt) -> str | None:
        return "<thought></thought>\n<python>\nfinish(3)\n</python>" if "boil an egg" in messages[1].content else None

    found = await figures("unknown", strike)
    assert found["unknown goals, of people: turned down at once"].value < 100
    assert "wrong 1" in found["unknown goals, of people: turned down at once"].note


async def test_trees_without_a_model_are_no_figures() -> None:
    async with StandIn(StandInConfig(models=("other",)), RuleScript(lambda _: "")) as stand_in:
        with pytest.raises(NoModel, match="no replica serves rao-nano; these are served: other"):
            await SECTIONS["flat"](bench(at_replica(stand_in.url, "rao-nano")))


async def test_trees_whose_calls_all_fail_are_no_figures() -> None:
    def strike(messages: Prompt) -> str | None:
        if WARM_UP.goal in messages[1].content:
            return None
        raise Refusal(400, "out of order")

    with pytest.raises(CouldNotRun, match="no tree could run: model_error"):
        await figures("flat", strike)
