"""The format works: the oracle, in the model's place behind the real runtime and sandbox, solves whole trees."""

import random

import pytest

from rao_runtime.core.limits import Limits
from rao_runtime.core.protocol import RAO
from rao_runtime.core.task import Mode, Task
from rao_runtime.ports import Message
from rao_runtime.standin.script import Reply
from tests.training.taught import Prompted, taught
from training.evaluation.oracle_replica import WINDOW
from training.goals import Kind
from training.tasks import Exercise, draw_exercise

# A part of 6 lines is read; 16 such parts are one split; the tree of 500 lines has a level between.
NODES = {5: 1, 50: 10, 500: 1 + 6 + 84}


def exercise(kind: Kind, lines: int) -> Exercise:
    return draw_exercise(random.Random(f"{kind}/{lines}"), kind, lines)


def tokens(text: str) -> int:
    return -(-len(text.encode()) // 3)


@pytest.mark.parametrize("kind", list(Kind))
async def test_the_oracle_solves_texts_of_every_size_within_its_window(kind: Kind) -> None:
    async with taught() as world:
        for lines, nodes in NODES.items():
            asked = exercise(kind, lines)
            tree = await world.solve(Task(goal=asked.goal, context=asked.context, mode=Mode.AUTO))
            assert (tree["status"], tree["answer"]) == ("completed", asked.truth)
            assert tree["nodes"]["total"] == (1 if kind is Kind.ORDERED else nodes)
    for messages, text in world.said:
        assert sum(tokens(message.content) for message in messages) + tokens(text) <= WINDOW
        action = RAO.parse(text, "stop")
        assert action.problem is None
        assert action.code


async def test_a_goal_it_never_learned_ends_at_once_and_says_so() -> None:
    async with taught() as world:
        tree = await world.solve(Task(goal="Translate the text into French.", context="one\n" * 500))
    assert (tree["status"], tree["error"]["reason"], tree["error"]["kind"]) == ("failed", "unable", "impossible")
    assert tree["nodes"]["total"] == 1


async def test_a_part_that_fails_is_launched_once_more() -> None:
    struck = list[Prompted]()

    def strike(messages: Prompted) -> Reply | None:
        if len(messages) > 2 or "context: 6 lines" not in messages[1].content or struck:
            return None
        struck.append(messages)
        return Reply(fault="400")

    asked = exercise(Kind.COUNT, 50)
    async with taught(strike) as world:
        tree = await world.solve(Task(goal=asked.goal, context=asked.context))
    assert (tree["answer"], tree["nodes"]["failed"], tree["nodes"]["total"]) == (asked.truth, 1, 11)


@pytest.mark.parametrize("kind", [Kind.TALLY, Kind.ANY])
async def test_parts_that_stay_unread_are_told_of_and_not_left_out(kind: Kind) -> None:
    asked = exercise(kind, 500)
    async with taught() as world:
        tree = await world.solve(Task(goal=asked.goal, context=asked.context, limits=Limits(max_depth=1)))
    assert (tree["status"], tree["error"]["kind"]) == ("failed", "insufficient_context")
    assert tree["nodes"]["total"] == 7


async def test_alone_it_reads_what_it_can_see_and_fails_over_more() -> None:
    short, long = exercise(Kind.DISTINCT, 8), exercise(Kind.DISTINCT, 200)
    async with taught() as world:
        read = await world.solve(Task(goal=short.goal, context=short.context, mode=Mode.FLAT))
        failed = await world.solve(Task(goal=long.goal, context=long.context, mode=Mode.FLAT))
    assert read["answer"] == short.truth
    assert failed["error"]["kind"] == "insufficient_context"
    assert failed["nodes"]["total"] == 1


async def test_what_examples_show_is_what_the_runtime_sends() -> None:
    asked = exercise(Kind.COUNT, 5)
    async with taught() as world:
        await world.solve(Task(goal=asked.goal, context=asked.context, answer_schema={"type": "integer"}))
    first, last = (messages for messages, _ in world.said)
    size = f"context: 5 lines, {len(asked.context)} characters"
    assert first[1] == Message("user", f'{size}\nlaunch: yes\nanswer: {{"type": "integer"}}\nGoal: {asked.goal}')
    assert last[:2] == first
    assert last[3] == Message("user", f"[Cell 0 Output]\n{asked.context}")


async def test_few_lines_that_are_long_are_read_one_by_one() -> None:
    asked = exercise(Kind.DISTINCT, 4)
    long = "\n".join(line + "." * 400 for line in asked.context.splitlines())
    async with taught() as world:
        tree = await world.solve(Task(goal=asked.goal, context=long))
    assert (tree["answer"], tree["nodes"]["total"]) == (asked.truth, 1 + 4)


async def test_a_single_line_that_is_too_long_or_long_lines_alone_are_told_of() -> None:
    asked = exercise(Kind.COUNT, 4)
    async with taught() as world:
        single = await world.solve(Task(goal=asked.goal, context="." * 1_000))
        alone = await world.solve(Task(goal=asked.goal, context=asked.context + "." * 1_000, mode=Mode.FLAT))
    for tree in (single, alone):
        assert (tree["error"]["message"], tree["nodes"]["total"]) == ("the lines are too long for me", 1)
