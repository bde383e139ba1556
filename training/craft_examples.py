"""Examples of crafting, by recipes that the tools really have.

Held out are the books of every sixth number, and the two deepest tiers.
"""

import random
from collections.abc import Sequence
from typing import Protocol

from rao_crafting.recipes import DEEPEST, MOST_BOOKS, book
from rao_runtime.engine.prompt_nano import told
from rao_runtime.ports import Message
from training.conversation import failed, opening, went_on
from training.crafting import TOOLS, Order, worded
from training.openings import drawn_check, drawn_size
from training.view import WORTH_A_TRY
from training.words import PLAIN

HELD_OUT_ONE_IN = 6
DEEPEST_TAUGHT = 6
MOST_ORDERED = 5_000
MOST_NEEDED = 2_000_000
OTHER_TOOLS = ("fetch_page", "get_price", "look", "roll", "search", "send_mail", "store", "translate", "weather")
LASTING = ("unable", "depth", "nodes", "tokens", "deadline", "cost")
WITHOUT_DEEP, WITH_DEEP = (1, 2), (3, 4, 5, 6, 7, 8)


class Maker(Protocol):
    """Draws a prompt; with `held_out` one that training never shows."""

    def __call__(self, rng: random.Random, *, held_out: bool) -> list[Message]: ...


def is_held_out(number: int) -> bool:
    """Whether the book of this number is kept for evaluation."""
    return number % HELD_OUT_ONE_IN == 0


def draw_order(rng: random.Random, tier: int, *, held_out: bool = False) -> Order:
    """An order for an item of this tier, as a client would place it."""
    number = _book(rng, held_out=held_out)
    item = rng.choice(book(number).tiers[tier])
    return Order(count=int(MOST_ORDERED ** rng.random()), item=item, book=number)


def look(rng: random.Random, *, held_out: bool) -> list[Message]:
    """An order that just came in."""
    return _first(rng, _order(rng, range(1, DEEPEST + 1), held_out=held_out))


def direct(rng: random.Random, *, held_out: bool) -> list[Message]:
    """A recipe that needs no sub-agent."""
    order = _order(rng, WITHOUT_DEEP, held_out=held_out)
    return _looked_up(_first(rng, order, launch=rng.random() < 0.8), order)


def launch(rng: random.Random, *, held_out: bool) -> list[Message]:
    """A recipe with deep ingredients."""
    order = _order(rng, WITH_DEEP, held_out=held_out)
    return _looked_up(_first(rng, order), order)


def end(rng: random.Random, *, held_out: bool) -> list[Message]:
    """What comes after the launch, or instead of it."""
    order = _order(rng, WITH_DEEP, held_out=held_out)
    match rng.randrange(10):
        case 0:
            return _looked_up(_first(rng, order, launch=False), order)
        case 1:
            return _without_tools(rng, order)
        case 2:
            return _failed(rng, order)
        case _:
            return _launched(rng, _looked_up(_first(rng, order), order))


def idle_tools(rng: random.Random, share: float) -> Sequence[str]:
    """Tools that a task which needs none names all the same, in this share of cases."""
    if rng.random() >= share:
        return ()
    return sorted(TOOLS) if rng.random() < 0.4 else rng.sample(OTHER_TOOLS, rng.choice([1, 2, 3]))


def _launched(rng: random.Random, messages: Sequence[Message]) -> list[Message]:
    match rng.randrange(7):
        case 0:
            return went_on(messages, some(rng, WORTH_A_TRY))
        case 1:
            again = went_on(messages, some(rng, WORTH_A_TRY))
            return went_on(again, rng.choice(["[]", some(rng, WORTH_A_TRY)]))
        case 2:
            return went_on(messages, some(rng, LASTING))
        case _:
            return went_on(messages, "[]")


def _without_tools(rng: random.Random, order: Order) -> list[Message]:
    few = rng.sample([*sorted(TOOLS), *OTHER_TOOLS], rng.choice([1, 2, 3]))
    return _first(rng, order, tools=[] if rng.random() < 0.5 or TOOLS.issubset(few) else few)


def _failed(rng: random.Random, order: Order) -> list[Message]:
    """A cell that failed: there is no such item, it is raw, or something was missing after all."""
    if rng.random() < 0.4:
        why = f"{order.count} {order.item}: missing 1 {rng.choice(book(order.book).tiers[1])}"
        ready = went_on(_looked_up(_first(rng, order), order), "[]")
        return failed(rng, ready, f"RuntimeError: ValueError: {why}")
    strange, raw = f"{rng.choice(PLAIN)} {rng.choice(PLAIN)}", rng.choice(book(order.book).tiers[0])
    item, why = rng.choice([(strange, f'there is no item "{strange}"'), (raw, f"{raw} is raw")])
    first = _first(rng, Order(count=order.count, item=item, book=order.book))
    return failed(rng, first, f"RuntimeError: ValueError: {why}")


def _order(rng: random.Random, tiers: Sequence[int], *, held_out: bool) -> Order:
    deepest = DEEPEST if held_out else DEEPEST_TAUGHT
    drawn = draw_order(rng, rng.choice([tier for tier in tiers if tier <= deepest]), held_out=held_out)
    if rng.random() < 0.8:
        return drawn
    # What a sub-agent is asked for can be many times what the client wanted.
    return Order(count=int(MOST_NEEDED ** rng.random()), item=drawn.item, book=drawn.book)


def _book(rng: random.Random, *, held_out: bool) -> int:
    while True:
        # Drawn evenly, short numbers would be rare.
        number = rng.choice([rng.randrange(1, MOST_BOOKS + 1), int((MOST_BOOKS + 1) ** rng.random())])
        if is_held_out(number) == held_out:
            return number


def _first(
    rng: random.Random, order: Order, *, launch: bool = True, tools: Sequence[str] | None = None
) -> list[Message]:
    if tools is None:
        tools = [*TOOLS, *(rng.sample(OTHER_TOOLS, 1) if rng.random() < 0.1 else ())]
    lines = rng.randrange(1, 1_000)
    size = "none" if rng.random() < 0.95 else drawn_size(rng, lines)
    returns = {"type": "string"} if rng.random() < 0.1 else None
    goal, check = worded(rng, order), drawn_check(rng)
    return opening(told(size, goal, launch=launch, tools=tools, returns=returns, check=check))


def _looked_up(messages: Sequence[Message], order: Order) -> list[Message]:
    return went_on(messages, book(order.book).told(order.item))


def some(rng: random.Random, reasons: Sequence[str] | frozenset[str]) -> str:
    """One or two of these reasons, as a cell prints them."""
    return str(sorted(rng.sample(sorted(reasons), rng.choice([1, 1, 2]))))
