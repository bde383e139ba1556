"""The example tools: recipes that a number decides, and an inventory that changes as a whole or not at all."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_crafting.recipes import DEEPEST, ITEMS, MOST_BOOKS, book
from rao_crafting.tools import MOST, craft, get_info
from rao_runtime.ports import Effects
from training.words import CATEGORY_OF, NAMES, PLACES, PLAIN

BOOKS = st.integers(1, MOST_BOOKS)


async def crafted(item: str, count: int, number: int, held: Mapping[str, Any] | None) -> tuple[Any, Any]:
    return await craft.run(craft.bind((item, count, number), {}), held)


@given(BOOKS)
def test_a_book_depends_on_its_number_alone(number: int) -> None:
    first = {item: book(number).recipe(item) for tier in book(number).tiers[1:] for item in tier}
    book.cache_clear()
    assert {item: book(number).recipe(item) for tier in book(number).tiers[1:] for item in tier} == first


def test_books_differ() -> None:
    assert len({book(number).tiers[0][0] for number in range(1, 40)}) > 20


def test_a_recipe_of_long_ago_is_still_the_same() -> None:
    assert book(7).told(book(7).tiers[5][0]) == "bronze log needs 3 deep iron block, 1 raw wool hook"


@given(BOOKS)
def test_an_item_needs_two_or_three_others_the_deepest_one_tier_below_it(number: int) -> None:
    its = book(number)
    assert sorted(item for tier in its.tiers for item in tier) == sorted(ITEMS)
    for tier in range(1, DEEPEST + 1):
        for item in its.tiers[tier]:
            recipe = its.recipe(item)
            below = [its.tier(name) for name in recipe]
            assert len(recipe) in {2, 3}
            assert max(below) == tier - 1
            assert {*recipe.values()} <= {1, 2, 3}


def test_most_other_ingredients_are_raw() -> None:
    others = [
        sorted(its.tier(name) for name in its.recipe(item))[:-1]
        for its in map(book, range(1, 30))
        for item in its.tiers[8]
    ]
    told = [tier for each in others for tier in each]
    assert 0.55 < told.count(0) / len(told) < 0.65
    assert 0.2 < told.count(1) / len(told) < 0.3


def test_items_are_two_plain_words_that_mean_nothing_else_in_training() -> None:
    words = {word for item in ITEMS for word in item.split()}
    assert len(ITEMS) == len(set(ITEMS)) == 24 * 16
    assert all(re.fullmatch(r"[a-z]+ [a-z]+", item) for item in ITEMS)
    assert words.isdisjoint({*CATEGORY_OF, *PLAIN, *PLACES, *NAMES})


async def test_a_look_up_tells_each_ingredient_with_its_kind() -> None:
    its = book(7)
    item = its.tiers[4][0]
    told, _ = await get_info.run({"item": item, "book": 7}, None)
    kinds = {name: min(its.tier(name), 2) for name in its.recipe(item)}
    longest_first = sorted(kinds, key=lambda name: -kinds[name])
    listed = [f"{its.recipe(item)[name]} {('raw', 'simple', 'deep')[kinds[name]]} {name}" for name in longest_first]
    assert told == f"{item} needs {', '.join(listed)}"


async def test_crafting_takes_what_it_needs_and_leaves_the_rest() -> None:
    its = book(7)
    item = next(item for item in its.tiers[2] if sum(its.tier(name) for name in its.recipe(item)) == 1)
    ((simple, need),) = [(name, each) for name, each in its.recipe(item).items() if its.tier(name) == 1]
    said, held = await crafted(simple, 2 * need + 1, 7, None)
    assert (said, held) == (f"made {2 * need + 1} {simple}", {"7": {simple: 2 * need + 1}})
    said, after = await crafted(item, 2, 7, held)
    assert (said, after) == (f"made 2 {item}", {"7": {simple: 1, item: 2}})
    assert held == {"7": {simple: 2 * need + 1}}


async def test_what_is_missing_is_named_and_the_inventories_of_books_are_apart() -> None:
    its = book(7)
    item = next(item for item in its.tiers[3] if len([n for n in its.recipe(item) if its.tier(n) > 0]) == 1)
    ((deep, need),) = [(name, each) for name, each in its.recipe(item).items() if its.tier(name) > 0]
    held = {"7": {deep: need}, "8": {deep: 1_000}}
    with pytest.raises(ValueError, match=f"^3 {item}: missing {2 * need} {deep}$"):
        await crafted(item, 3, 7, held)
    assert await crafted(item, 1, 7, held) == (f"made 1 {item}", {"7": {item: 1}, "8": {deep: 1_000}})


async def test_an_item_that_cannot_be_made_is_told_why() -> None:
    raw = book(7).tiers[0][0]
    for run in (get_info.run({"item": raw, "book": 7}, None), crafted(raw, 1, 7, None)):
        with pytest.raises(ValueError, match=f"^{raw} is raw$"):
            await run
    for run in (get_info.run({"item": "x", "book": 7}, None), crafted("x", 1, 7, None)):
        with pytest.raises(ValueError, match=r'^there is no item "x"$'):
            await run


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("x", 0, 7), "count: Input should be greater than or equal to 1"),
        (("x", MOST + 1, 7), "count: Input should be less than or equal to"),
        (("x", 1, 0), "book: Input should be greater than or equal to 1"),
        (("x", 1, MOST_BOOKS + 1), "book: Input should be less than or equal to"),
    ],
)
def test_counts_and_books_have_bounds(args: tuple[Any, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        craft.bind(args, {})


def test_only_crafting_keeps_something() -> None:
    assert (craft.spec.effects, get_info.spec.effects) == (Effects.TREE, Effects.NONE)
