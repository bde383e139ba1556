"""Crafting: goals in words and back, the policy turn by turn, and the examples that teach it."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_crafting.recipes import DEEPEST, MOST_BOOKS, book
from rao_runtime.engine.prompt_nano import told
from training import craft_examples
from training.conversation import opening, went_on
from training.craft_examples import DEEPEST_TAUGHT, draw_order, is_held_out
from training.crafting import PHRASINGS, TOOLS, Order, in_words, understood, worded
from training.examples import Role, examples, of_role
from training.oracle import completion

SEEDS = st.integers(0, 2**32)
HINGES = Order(count=2, item="copper hinge", book=7)
GOAL = "Craft 2 copper hinge from book 7."
CRAFTING = (Role.CRAFT_LOOK, Role.CRAFT_DIRECT, Role.CRAFT_LAUNCH, Role.CRAFT_END)


def turn(*printed: str, launch: bool = True, tools: frozenset[str] = TOOLS, error: str | None = None) -> str:
    """What the oracle writes after its cells printed this."""
    messages = opening(told("none", GOAL, launch=launch, tools=sorted(tools)))
    for number, each in enumerate(printed, 1):
        messages = went_on(messages, each, error=error if number == len(printed) else None)
    return completion(messages)


def written(thought: str, *lines: str) -> str:
    return f"<thought>{thought}</thought>\n<python>\n" + "\n".join(lines) + "\n</python>"


@given(SEEDS, st.integers(1, 10**7), st.integers(1, MOST_BOOKS))
def test_every_order_is_understood_from_its_words(seed: int, count: int, number: int) -> None:
    order = Order(count=count, item="oak rod", book=number)
    assert understood(worded(random.Random(seed), order)) == order
    assert len({in_words(order, phrasing) for phrasing in PHRASINGS}) == len(PHRASINGS) >= 2


@pytest.mark.parametrize(
    "goal",
    ["Craft 2 hinge from book 7.", "Craft copper hinge from book 7.", "Craft 0 copper hinge from book 7.", "Craft 2"],
)
def test_what_is_only_like_an_order_is_not_understood(goal: str) -> None:
    assert understood(goal) is None


def test_it_looks_the_item_up_first() -> None:
    assert turn() == written("I look it up.", 'print(await get_info("copper hinge", 7))')


def test_it_crafts_simple_ingredients_itself() -> None:
    assert turn("copper hinge needs 1 simple iron nail, 2 simple tin rod, 3 raw oak log") == written(
        "1 simple iron nail, 2 simple tin rod",
        "n = 2",
        'await craft("iron nail", n * 1, 7)',
        'await craft("tin rod", n * 2, 7)',
        'finish(await craft("copper hinge", n, 7))',
    )
    assert "<thought>all raw</thought>" in turn("copper hinge needs 3 raw oak log, 1 raw oak peg")


RECIPE = "copper hinge needs 2 deep copper plate, 3 deep silk hook, 1 simple iron nail"
FAILED = "print(sorted(set([r.reason for r in rs if isinstance(r, Failed)])))"


def test_it_launches_a_sub_agent_for_each_deep_ingredient() -> None:
    assert turn(RECIPE) == written(
        "2 deep copper plate, 3 deep silk hook, 1 simple iron nail",
        "import asyncio",
        "n = 2",
        'goals = [f"Craft {n * 2} copper plate from book 7.", f"Craft {n * 3} silk hook from book 7."]',
        "rs = await asyncio.gather(*[launch_subagent(g) for g in goals])",
        'await craft("iron nail", n * 1, 7)',
        FAILED,
    )


def test_it_finishes_when_all_is_there_and_tries_once_more_what_may_pass() -> None:
    finish = 'finish(await craft("copper hinge", n, 7))'
    assert finish in turn(RECIPE, "[]")
    again = turn(RECIPE, "['model_error']")
    assert "launch_subagent(goals[i]) for i in bad" in again
    assert FAILED in again
    assert finish in turn(RECIPE, "['model_error']", "[]")
    for gone in (turn(RECIPE, "['unable']"), turn(RECIPE, "['turns', 'unable']"), turn(RECIPE, *["['turns']"] * 2)):
        assert 'fail("impossible", "some ingredients could not be made")' in gone


def test_what_it_cannot_do_it_says() -> None:
    alone = turn(RECIPE, launch=False)
    assert 'fail("impossible", "I cannot make deep ingredients without sub-agents")' in alone
    for tools in (frozenset[str](), frozenset({"craft"}), frozenset({"get_info", "search"})):
        assert 'fail("impossible", "I have no tools for this")' in turn(tools=tools)
    assert 'fail("impossible", "my code failed")' in turn("", error="RuntimeError: ValueError: copper hinge is raw")


def test_no_training_example_shows_a_held_out_book_or_one_of_the_deepest_items() -> None:
    stream, orders = examples(5), set[tuple[str, int]]()
    for _ in range(6_000):
        text = "\n".join(message.content for message in next(stream).messages)
        orders |= {(item, int(number)) for item, number in re.findall(r'get_info\("(\w+ \w+)", (\d+)\)', text)}
    known = [(item, number) for item, number in orders if item in book(number).tier_of]
    assert len(known) > 500
    assert not any(is_held_out(number) for _, number in orders)
    assert {book(number).tier(item) for item, number in known} <= {*range(DEEPEST_TAUGHT + 1)}


def test_examples_for_evaluation_show_held_out_books_and_all_tiers() -> None:
    rng, tiers = random.Random(3), set[int]()
    for role in CRAFTING * 60:
        order = understood(of_role(rng, role, held_out=True).messages[1].content.partition("Goal: ")[2])
        assert order is not None
        assert is_held_out(order.book)
        if order.item in book(order.book).tier_of:
            tiers.add(book(order.book).tier(order.item))
    assert {*range(1, DEEPEST + 1)} <= tiers


@given(SEEDS, st.integers(1, DEEPEST), st.booleans())
def test_an_order_is_of_the_tier_and_the_side_that_was_asked_for(seed: int, tier: int, held_out: bool) -> None:
    order = draw_order(random.Random(seed), tier, held_out=held_out)
    assert book(order.book).tier(order.item) == tier
    assert is_held_out(order.book) == held_out
    assert 1 <= order.count <= craft_examples.MOST_ORDERED


def test_prompts_are_small() -> None:
    rng = random.Random(4)
    shown = [of_role(rng, role, held_out=True) for role in Role for _ in range(150)]
    assert max(sum(len(message.content.encode()) for message in each.messages) for each in shown) < 1_500


def test_some_texts_come_with_tools_that_do_not_matter() -> None:
    stream = examples(6)
    drawn = [next(stream) for _ in range(3_000)]
    texts = [each for each in drawn if each.kind is not None]
    idle = [each for each in texts if "\ntools: " in each.messages[1].content]
    assert 0.015 < len(idle) / len(texts) < 0.045
    assert any("craft, get_info" in each.messages[1].content for each in idle)
    assert any("craft, get_info" not in each.messages[1].content for each in idle)
