"""The two tools. The crafting table is one for the whole tree: what one agent makes, all others can use."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from rao_crafting import recipes
from rao_crafting.recipes import MOST_BOOKS, Book
from rao_runtime.tools import tool

MOST = 1_000_000_000

# Bounds in the type become part of the JSON Schema, and are checked before the tool runs.
Count = Annotated[int, Field(ge=1, le=MOST)]
BookNumber = Annotated[int, Field(ge=1, le=MOST_BOOKS)]

Inventory = Mapping[str, int]
"""How many of each item there are; raw items are not listed, since there are always enough."""


@tool(time_s=5)
async def get_info(item: str, book: BookNumber) -> str:
    """What one of an item needs. An ingredient is raw, simple (made of raw ones only) or deep (all else)."""
    return recipes.book(book).told(item)


@tool(effects="tree", time_s=5)
async def craft(
    item: str, count: Count, book: BookNumber, *, state: Mapping[str, Inventory] | None
) -> tuple[str, Mapping[str, Inventory]]:
    """Make so many of an item out of what was crafted before; raw items are always there. All of them, or none."""
    held = state or {}
    after = _made(recipes.book(book), item, count, held.get(str(book), {}))
    return f"made {count} {item}", {**held, str(book): after}


def _made(its: Book, item: str, count: int, held: Inventory) -> Inventory:
    """What there is after crafting. Raises ValueError with what is missing."""
    needs = {name: each * count for name, each in its.recipe(item).items() if its.tier(name) > 0}
    missing = {name: need - held.get(name, 0) for name, need in needs.items() if need > held.get(name, 0)}
    if missing:
        raise ValueError(f"{count} {item}: missing {', '.join(f'{lack} {name}' for name, lack in missing.items())}")
    after = {name: number - needs.get(name, 0) for name, number in held.items()}
    after[item] = after.get(item, 0) + count
    # What is used up is not kept: state should stay small.
    return {name: number for name, number in after.items() if number > 0}
