"""The weights that are shipped still know the prompts that are sent: whoever changes a wording must train anew."""

import asyncio
import random
from dataclasses import replace
from hashlib import sha256

import pytest

from rao_runtime.engine.prompt_nano import SYSTEM
from training.evaluation import problems
from training.evaluation.worlds import embedded
from training.goals import Kind


def test_the_system_prompt_is_the_one_the_weights_were_trained_on() -> None:
    # They get by with some other words, a little worse: solving a tree or two does not show it.
    assert sha256(SYSTEM.encode()).hexdigest()[:16] == "ea317c877dfea789"


# Lines, and how many characters they have on average. The weights before these turned goals down at each of them.
SIZES = [
    (8, 8.6),
    (10, 9.0),
    (36, 12.2),
    (862, 13.0),
    (5_899, 14.5),
    (33, 19.0),
    (901, 19.9),
    (316, 24.0),
    (34, 28.4),
    (3_034, 28.9),
    (327, 30.2),
    (83, 61.4),
    (928, 64.5),
    (1_696, 74.9),
    (3_118, 92.2),
    (5_265, 103.3),
    (16, 108.0),
    (18, 109.6),
]


async def test_the_shipped_model_takes_known_goals_on_however_long_the_lines_are() -> None:
    asked = [
        problems.taken_on(random.Random(number), kind, lines, line_chars)
        for number, (lines, line_chars) in enumerate(SIZES)
        for kind in (Kind.COUNT, Kind.MOST_COMMON, Kind.NONE)
    ]
    async with embedded()(32) as world:
        ended = await asyncio.gather(*[world.solve(each.task) for each in asked])
    turned_down = [
        f"{each.task.goal} {(len(str(each.task.context).splitlines()), len(str(each.task.context)))}"
        for each, its in zip(asked, ended, strict=True)
        if not each.right(its)
    ]
    assert turned_down == []


@pytest.mark.parametrize("check", ["answer >= 0", "isinstance(answer, int)", "answer is not None and answer < 500"])
async def test_the_shipped_model_takes_a_known_goal_on_whatever_its_answer_has_to_pass(check: str) -> None:
    asked = problems.aggregation(random.Random(2), Kind.COUNT, 50)
    async with embedded()(32) as world:
        ended = await world.solve(replace(asked.task, check=check, answer_schema={"type": "integer", "minimum": 0}))
    assert (ended.status, ended.answer, ended.nodes) == ("completed", asked.truth, 10)


async def test_the_shipped_model_counts_over_a_text_it_has_to_split() -> None:
    asked = problems.aggregation(random.Random(1), Kind.COUNT, 50)
    async with embedded()(32) as world:
        ended = await world.solve(asked.task)
    assert (ended.status, ended.answer, ended.nodes) == ("completed", asked.truth, 10)


async def test_the_shipped_model_crafts_an_item_of_the_third_tier() -> None:
    asked = problems.order(random.Random(1), 3)
    async with embedded()(32) as world:
        ended = await world.solve(asked.task)
    assert asked.right(ended)
    assert ended.nodes > 1
