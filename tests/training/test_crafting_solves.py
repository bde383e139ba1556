"""Crafting through the real runtime and sandbox, with the real tools, the oracle in the model's place."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from rao_crafting.recipes import DEEPEST, book
from rao_runtime.core.events import Event, EventType
from rao_runtime.core.limits import Limits
from rao_runtime.core.task import Mode, Task
from rao_runtime.ports import Message
from rao_runtime.standin.script import Reply
from tests.training.taught import Prompted, Taught, taught
from training.conversation import failed, opening
from training.craft_examples import draw_order
from training.crafting import Order, in_words, needs, worded

TOOLS = ("craft", "get_info")
DEEP = Limits(max_depth=DEEPEST)


def asked(order: Order, **more: Any) -> Task:  # noqa: ANN401 - whatever a task takes
    return Task(goal=in_words(order), tools=TOOLS, limits=DEEP, **more)


async def journal(world: Taught, tree: Mapping[str, Any], *types: EventType) -> Sequence[Event]:
    """The tree's events of these types."""
    found = list[Event]()
    async with world.runtime.events(tree["tree_id"]) as batches:
        async for batch in batches:
            events = [event for event in batch if isinstance(event, Event)]
            found += [event for event in events if event.type in types]
            if any(event.is_end for event in events):
                return found
    raise AssertionError("the tree's events never end")


async def inventory(world: Taught, tree: Mapping[str, Any]) -> Mapping[str, Mapping[str, int]]:
    """What the tree has made and not used."""
    completed = await journal(world, tree, EventType.TOOL_COMPLETED)
    return [event.data["state"] for event in completed if "state" in event.data][-1]


def agents(order: Order) -> int:
    """How many nodes it takes: one, and what each deep ingredient takes."""
    deep = [need for need in needs(book(order.book).told(order.item)) if need.kind == "deep"]
    return 1 + sum(agents(Order(count=1, item=need.name, book=order.book)) for need in deep)


def with_deep(count: int) -> Order:
    """An order with so many deep ingredients, each of which has one itself."""
    its = book(12)
    for item in (*its.tiers[5], *its.tiers[6]):
        deep = [need for need in needs(its.told(item)) if need.kind == "deep"]
        if len(deep) == count:
            return Order(count=3, item=item, book=12)
    raise AssertionError("no such item in this book")


@pytest.mark.parametrize("tier", range(1, DEEPEST + 1))
async def test_the_oracle_crafts_items_of_every_tier_and_nothing_is_left_over(tier: int) -> None:
    rng = random.Random(tier)
    async with taught() as world:
        for _ in range(2):
            order = draw_order(rng, tier, held_out=True)
            tree = await world.solve(Task(goal=worded(rng, order), tools=TOOLS, limits=DEEP))
            assert (tree["status"], tree["answer"]) == ("completed", f"made {order.count} {order.item}")
            assert tree["nodes"]["total"] == agents(order)
            assert await inventory(world, tree) == {str(order.book): {order.item: order.count}}


async def test_sub_agents_for_deep_ingredients_work_side_by_side() -> None:
    order = with_deep(2)
    async with taught() as world:
        tree = await world.solve(asked(order))
        kinds = (EventType.NODE_STARTED, EventType.NODE_COMPLETED)
        first = [event.type for event in await journal(world, tree, *kinds) if event.depth == 1]
    assert tree["answer"] == f"made {order.count} {order.item}"
    assert first == [EventType.NODE_STARTED] * 2 + [EventType.NODE_COMPLETED] * 2


async def test_a_sub_agent_that_fails_is_launched_once_more() -> None:
    order, struck = with_deep(1), list[Prompted]()

    def strike(messages: Prompted) -> Reply | None:
        if in_words(order) in messages[1].content or struck:
            return None
        struck.append(messages)
        return Reply(fault="400")

    async with taught(strike) as world:
        tree = await world.solve(asked(order))
    assert (tree["answer"], tree["nodes"]["failed"]) == (f"made {order.count} {order.item}", 1)


async def test_ingredients_beyond_the_depth_are_told_of() -> None:
    async with taught() as world:
        task = Task(goal=in_words(with_deep(1)), tools=TOOLS, limits=Limits(max_depth=1))
        tree = await world.solve(task)
        alone = await world.solve(asked(with_deep(1), mode=Mode.FLAT))
    assert (tree["error"]["kind"], tree["error"]["message"]) == ("impossible", "some ingredients could not be made")
    assert "without sub-agents" in alone["error"]["message"]


async def test_without_tools_it_ends_at_once_and_says_so() -> None:
    async with taught() as world:
        tree = await world.solve(Task(goal=in_words(with_deep(1))))
    assert (tree["error"]["kind"], tree["error"]["message"]) == ("impossible", "I have no tools for this")
    assert tree["nodes"]["total"] == 1


async def test_an_item_that_is_not_in_the_book_fails_as_the_examples_show_it() -> None:
    order = Order(count=3, item="letter table", book=12)
    async with taught() as world:
        tree = await world.solve(asked(order))
        prompted, _ = world.said[-1]
    assert (tree["status"], tree["error"]["kind"]) == ("failed", "impossible")
    first = f"context: none\nlaunch: yes\ntools: craft, get_info\nGoal: {in_words(order)}"
    assert prompted[1] == Message("user", first)
    error = 'RuntimeError: ValueError: there is no item "letter table"'
    assert list(prompted) == failed(random.Random(1), opening(first), error)
