"""Crafting: how its goals are put into words, and what the ideal policy writes to reach them.

A node looks its item up, crafts what is simple itself, and launches a sub-agent for each deep ingredient.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from training import cells
from training.view import WORTH_A_TRY, View

TOOLS = frozenset({"craft", "get_info"})
PHRASINGS = (
    "Craft {count} {item} from book {book}.",
    "Make {count} {item}, following book {book}.",
    "Use book {book} to craft {count} {item}.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a goal asks for."""

    count: int
    item: str
    book: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One ingredient as `get_info` tells it: how many for one item, its name, and its kind (raw, simple or deep)."""

    count: int
    name: str
    kind: str


def worded(rng: random.Random, order: Order) -> str:
    """The order in one of its phrasings."""
    return in_words(order, rng.choice(PHRASINGS))


def in_words(order: Order, phrasing: str = PHRASINGS[0]) -> str:
    """The order in this phrasing."""
    return phrasing.format(count=order.count, item=order.item, book=order.book)


def understood(goal: str) -> Order | None:
    """The order behind a goal's words; None where it is none."""
    for pattern in _PATTERNS:
        if (match := pattern.fullmatch(goal.strip())) is not None:
            return Order(count=int(match["count"]), item=match["item"], book=int(match["book"]))
    return None


def turn(view: View, order: Order) -> tuple[str, str]:
    """Thought and code of the next turn."""
    if not view.tools >= TOOLS:
        return "I see no tools for this.", cells.fail("impossible", "I have no tools for this")
    if view.error:
        return "My cell did not run.", cells.fail("impossible", "my code failed")
    if not view.seen:
        return "I look it up.", f'print(await get_info("{order.item}", {order.book}))'
    if len(view.seen) == 1:
        return _begin(view, order)
    if not view.reasons:
        return "All is there. I craft it.", _finish(order)
    if len(view.seen) == 2 and view.reasons <= WORTH_A_TRY:
        return "Some failed. I launch them again.", cells.again_with("goals[i]")
    return "Something stays missing.", cells.fail("impossible", "some ingredients could not be made")


def needs(info: str) -> Sequence[Need]:
    """The ingredients in what `get_info` told."""
    return [Need(count=int(count), name=name, kind=kind) for count, kind, name in _NEED.findall(info)]


def _begin(view: View, order: Order) -> tuple[str, str]:
    listed = needs(view.seen[0])
    simple = [need for need in listed if need.kind == "simple"]
    deep = [need for need in listed if need.kind == "deep"]
    # What was seen is written down, just as it stood there, before anything is decided by it.
    seen = ", ".join(f"{need.count} {need.kind} {need.name}" for need in [*deep, *simple]) or "all raw"
    count, crafted = f"n = {order.count}", [_craft(need, order) for need in simple]
    if not deep:
        return seen, "\n".join([count, *crafted, _finish(order)])
    if not view.launch:
        return f"{seen}, no launch", cells.fail("impossible", "I cannot make deep ingredients without sub-agents")
    goals = ", ".join(f'f"{_goal(need, order)}"' for need in deep)
    launched = [f"goals = [{goals}]", "rs = await asyncio.gather(*[launch_subagent(g) for g in goals])"]
    return seen, "\n".join(["import asyncio", count, *launched, *crafted, cells.FAILED])


def _craft(need: Need, order: Order) -> str:
    return f'await craft("{need.name}", n * {need.count}, {order.book})'


def _goal(need: Need, order: Order) -> str:
    return PHRASINGS[0].format(count=f"{{n * {need.count}}}", item=need.name, book=order.book)


def _finish(order: Order) -> str:
    return f'finish(await craft("{order.item}", n, {order.book}))'


def _pattern(phrasing: str) -> re.Pattern[str]:
    groups = {"count": r"(?P<count>[1-9]\d*)", "item": "(?P<item>[a-z]+ [a-z]+)", "book": r"(?P<book>[1-9]\d*)"}
    parts = re.split(r"\{(\w+)\}", phrasing)
    return re.compile("".join(groups[part] if at % 2 else re.escape(part) for at, part in enumerate(parts)))


_PATTERNS = tuple(map(_pattern, PHRASINGS))
_NEED = re.compile(r"(\d+) (raw|simple|deep) ([a-z]+ [a-z]+)")
