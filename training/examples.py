"""Training examples: a prompt exactly as the runtime sends it, and the turn that the oracle writes.

Each example depends on the seed and its number alone, so that a stream can be taken up anywhere.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count

from rao_runtime.core.values import cut
from rao_runtime.engine.prompt_nano import text_size, told
from rao_runtime.ports import Message
from training import craft_examples
from training.beyond import draw_beyond
from training.cells import FAN_OUT, READ_LINES
from training.conversation import failed, opening, went_on
from training.craft_examples import LASTING, idle_tools, some
from training.goals import PHRASINGS, Kind, Question, draw_question, in_words, worded
from training.lines import draw_lines
from training.openings import drawn_check, drawn_schema, drawn_size
from training.oracle import READ_CHARS, completion
from training.tasks import plot_for, text_for
from training.view import WORTH_A_TRY


class Role(StrEnum):
    """What the node of an example has before it."""

    ROOT = "root"  # a text of any length, to split
    INNER = "inner"  # a part that is split again
    READ = "read"  # a part to print
    ANSWER = "answer"  # a part that was printed
    MERGE = "merge"  # all parts are answered
    AGAIN = "again"  # some parts failed, for reasons that may pass
    GIVE_UP = "give_up"  # parts stayed unread, a cell failed, lines are too long, there is no text
    ALONE = "alone"  # may not launch, and has more to read than is good
    ORDERED = "ordered"
    BEYOND = "beyond"  # a goal it does not know
    CRAFT_LOOK = "craft_look"  # an item to craft
    CRAFT_DIRECT = "craft_direct"  # a recipe without deep ingredients
    CRAFT_LAUNCH = "craft_launch"  # a recipe with some
    CRAFT_END = "craft_end"  # sub-agents are done, or something is in the way


# What is hard to learn comes more often: reading is all that a node really does.
SHARES: Mapping[Role, float] = {
    Role.ROOT: 0.05,
    Role.INNER: 0.06,
    Role.READ: 0.03,
    Role.ANSWER: 0.53,
    Role.MERGE: 0.03,
    Role.AGAIN: 0.01,
    Role.GIVE_UP: 0.02,
    Role.ALONE: 0.015,
    Role.ORDERED: 0.01,
    Role.BEYOND: 0.09,
    Role.CRAFT_LOOK: 0.015,
    Role.CRAFT_DIRECT: 0.04,
    Role.CRAFT_LAUNCH: 0.06,
    Role.CRAFT_END: 0.04,
}
READABLE = tuple(kind for kind in Kind if kind is not Kind.ORDERED)
LONGEST = 100_000
ALONE_LINES = 16
ALONE_CHARS = 832
LONG_CHARS = 100_000
IDLE_TOOLS = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One prompt and what comes after it. `kind` is None for goals that are none of ours."""

    role: Role
    kind: Kind | None
    messages: tuple[Message, ...]
    completion: str


def examples(seed: int, *, start: int = 0, shares: Mapping[Role, float] = SHARES) -> Iterator[Example]:
    """All examples of a seed from number `start` on, without end."""
    return (example(seed, number, shares=shares) for number in count(start))


def example(seed: int, number: int, *, shares: Mapping[Role, float] = SHARES) -> Example:
    """The example of this number."""
    rng = random.Random(f"{seed}/{number}")
    role = rng.choices(list(shares), weights=list(shares.values()))[0]
    return of_role(rng, role)


def of_role(rng: random.Random, role: Role, *, held_out: bool = False) -> Example:
    """An example of this role; `held_out` makes it of combinations that training never shows."""
    if role is Role.BEYOND:
        messages, kind = _beyond(rng), None
    elif role in _CRAFTING:
        messages, kind = _CRAFTING[role](rng, held_out=held_out), None
    else:
        kind = Kind.ORDERED if role is Role.ORDERED else rng.choice(READABLE)
        messages = _MAKERS[role](_Node(rng, draw_question(rng, kind), held_out))
    return Example(role=role, kind=kind, messages=tuple(messages), completion=completion(messages))


@dataclass(frozen=True, slots=True)
class _Node:
    """A node's question, and the ways to open its prompt."""

    rng: random.Random
    question: Question
    held_out: bool

    def first(self, size: str, *, launch: bool = True, inner: bool = False) -> list[Message]:
        rng, question = self.rng, self.question
        goal = worded(rng, question)
        if inner and question.kind is Kind.TALLY and rng.random() < 0.5:
            # What the root of a most common word asks of its parts.
            goal = in_words(question, PHRASINGS[Kind.TALLY][0])
        return _asked(rng, size, goal, question.kind, launch=launch)

    def shown(self, text: str) -> str:
        """What its cell prints of a text."""
        person = self.question.person
        return "\n".join(line for line in text.splitlines() if person in line)

    def text(self, lines: int) -> str:
        question, rng = self.question, self.rng
        sparse = question.kind in {Kind.ANY, Kind.NONE} and rng.random() < 0.5
        if sparse:
            drawn = text_for(rng, question, lines, held_out=self.held_out)
        else:
            # A part can be full of hits also where the whole text holds few.
            plot = replace(plot_for(rng, question), share=rng.choice([0.1, 0.4, 0.7, 0.95]))
            drawn = draw_lines(rng, lines, plot, held_out=self.held_out)
        return "\n".join(line.text for line in drawn)


def _root(node: _Node) -> list[Message]:
    lines = int(READ_LINES * (LONGEST / READ_LINES) ** node.rng.random()) + 1
    return node.first(drawn_size(node.rng, lines))


def _inner(node: _Node) -> list[Message]:
    if node.rng.random() < 0.25:
        return node.first(_long(node.rng, node.rng.randrange(2, READ_LINES + 1)), inner=True)
    if node.rng.random() < 0.25:
        # A few lines too many: where lines are of any length, only their number tells.
        return node.first(drawn_size(node.rng, node.rng.randrange(READ_LINES + 1, 3 * READ_LINES)), inner=True)
    whole = READ_LINES * FAN_OUT ** node.rng.choice([1, 1, 1, 2, 3])
    lines = whole if node.rng.random() < 0.7 else node.rng.randrange(READ_LINES + 1, whole)
    return node.first(drawn_size(node.rng, lines), inner=True)


def _read(node: _Node) -> list[Message]:
    lines = _few(node.rng)
    # However long the lines are: what counts is that there are few characters in all.
    chars = node.rng.choice([node.rng.randrange(1, READ_CHARS + 1), int((READ_CHARS + 1) ** node.rng.random())])
    return node.first(text_size(lines, chars), launch=node.rng.random() < 0.8, inner=True)


def _answer(node: _Node) -> list[Message]:
    text = node.text(lines := _few(node.rng))
    messages = node.first(text_size(lines, len(text)), launch=node.rng.random() < 0.8, inner=True)
    return went_on(messages, node.shown(text))


def _merge(node: _Node) -> list[Message]:
    messages = went_on(_either(node), "[]")
    return messages if node.rng.random() < 0.9 else went_on(went_on(_either(node), some(node.rng, WORTH_A_TRY)), "[]")


def _again(node: _Node) -> list[Message]:
    return went_on(_either(node), some(node.rng, WORTH_A_TRY))


def _give_up(node: _Node) -> list[Message]:
    rng = node.rng
    match rng.randrange(5):
        case 0:
            return went_on(_either(node), some(node.rng, LASTING))
        case 1:
            return went_on(_again(node), some(node.rng, WORTH_A_TRY))
        case 2:
            return failed(rng, _either(node), rng.choice(["TypeError: not a number", "RuntimeError: no"]))
        case 3:
            alone = rng.random() < 0.5
            return node.first(_long(rng, _few(rng) if alone else 1), launch=not alone)
        case _:
            size = rng.choice(["none", f"a list, {rng.randrange(9_999)} characters", "a dict, 512 characters"])
            return node.first(size)


def _alone(node: _Node) -> list[Message]:
    rng = node.rng
    if rng.random() < 0.4:
        return node.first(drawn_size(rng, rng.randrange(READ_LINES + 1, LONGEST)), launch=False)
    lines = rng.randrange(READ_LINES + 1, 2 * ALONE_LINES)
    text = node.text(lines)
    shown = cut(node.shown(text), ALONE_CHARS - rng.randrange(200))[0]
    return went_on(node.first(text_size(lines, len(text)), launch=False), shown)


def _ordered(node: _Node) -> list[Message]:
    lines = int(LONGEST ** node.rng.random())
    return node.first(drawn_size(node.rng, lines), launch=node.rng.random() < 0.8)


_MAKERS: Mapping[Role, Callable[[_Node], list[Message]]] = {
    Role.ROOT: _root,
    Role.INNER: _inner,
    Role.READ: _read,
    Role.ANSWER: _answer,
    Role.MERGE: _merge,
    Role.AGAIN: _again,
    Role.GIVE_UP: _give_up,
    Role.ALONE: _alone,
    Role.ORDERED: _ordered,
}


_CRAFTING: Mapping[Role, craft_examples.Maker] = {
    Role.CRAFT_LOOK: craft_examples.look,
    Role.CRAFT_DIRECT: craft_examples.direct,
    Role.CRAFT_LAUNCH: craft_examples.launch,
    Role.CRAFT_END: craft_examples.end,
}


def _beyond(rng: random.Random) -> list[Message]:
    lines = int(LONGEST ** rng.random())
    size = "none" if rng.random() < 0.3 else drawn_size(rng, lines)
    return _asked(rng, size, draw_beyond(rng), None, launch=rng.random() < 0.8)


def _asked(rng: random.Random, size: str, goal: str, kind: Kind | None, *, launch: bool) -> list[Message]:
    tools = idle_tools(rng, IDLE_TOOLS)
    returns, check = drawn_schema(rng, kind), drawn_check(rng)
    return opening(told(size, goal, launch=launch, tools=tools, returns=returns, check=check))


def _either(node: _Node) -> list[Message]:
    return _root(node) if node.rng.random() < 0.5 else _inner(node)


def _long(rng: random.Random, lines: int) -> str:
    return text_size(lines, READ_CHARS + int((LONG_CHARS - READ_CHARS) ** rng.random()))


def _few(rng: random.Random) -> int:
    return READ_LINES if rng.random() < 0.6 else rng.randrange(1, READ_LINES + 1)
