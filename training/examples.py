"""Training examples: a prompt exactly as the runtime sends it, and the turn that the oracle writes.

Each example depends on the seed and its number alone, so that a stream can be taken up anywhere.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count
from typing import Any

from rao_runtime.core.values import cut
from rao_runtime.engine.prompt_nano import SYSTEM, text_size, told
from rao_runtime.engine.prompts import observation
from rao_runtime.ports import Message
from training.cells import FAN_OUT, READ_LINES
from training.goals import PHRASINGS, Kind, Question, draw_beyond, draw_question, in_words, worded
from training.lines import draw_lines
from training.oracle import READ_CHARS, WORTH_A_TRY, completion
from training.tasks import plot_for, text_for


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


# What is hard to learn comes more often: reading is all that a node really does.
SHARES: Mapping[Role, float] = {
    Role.ROOT: 0.07,
    Role.INNER: 0.05,
    Role.READ: 0.07,
    Role.ANSWER: 0.58,
    Role.MERGE: 0.06,
    Role.AGAIN: 0.02,
    Role.GIVE_UP: 0.03,
    Role.ALONE: 0.03,
    Role.ORDERED: 0.03,
    Role.BEYOND: 0.06,
}
SCHEMAS: Mapping[Kind, Mapping[str, Any]] = {
    Kind.COUNT: {"type": "integer"},
    Kind.COUNT_PERSON: {"type": "integer"},
    Kind.DISTINCT: {"type": "array", "items": {"type": "string"}},
    Kind.MOST_COMMON: {"type": "string"},
    Kind.TALLY: {"type": "object"},
    Kind.ANY: {"type": "boolean"},
    Kind.NONE: {"type": "boolean"},
    Kind.ORDERED: {"type": "integer"},
}
READABLE = tuple(kind for kind in Kind if kind is not Kind.ORDERED)
LINE_CHARS = (38, 52)
LONGEST = 30_000
ALONE_LINES = 16
LASTING = ("unable", "depth", "nodes", "tokens", "deadline", "cost")


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
        returns = SCHEMAS[question.kind] if rng.random() < 0.2 else None
        return _opening(told(size, goal, launch=launch, returns=returns))

    def sized(self, lines: int) -> str:
        return text_size(lines, int(lines * self.rng.uniform(*LINE_CHARS)))

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
    return node.first(node.sized(lines))


def _inner(node: _Node) -> list[Message]:
    whole = READ_LINES * FAN_OUT ** node.rng.choice([1, 1, 1, 2, 3])
    lines = whole if node.rng.random() < 0.7 else node.rng.randrange(READ_LINES + 1, whole)
    return node.first(node.sized(lines), inner=True)


def _read(node: _Node) -> list[Message]:
    return node.first(node.sized(_few(node.rng)), launch=node.rng.random() < 0.8, inner=True)


def _answer(node: _Node) -> list[Message]:
    text = node.text(lines := _few(node.rng))
    messages = node.first(text_size(lines, len(text)), launch=node.rng.random() < 0.8, inner=True)
    return _went_on(messages, text)


def _merge(node: _Node) -> list[Message]:
    messages = _went_on(_either(node), "[]")
    return messages if node.rng.random() < 0.9 else _went_on(_went_on(_either(node), _some(node, WORTH_A_TRY)), "[]")


def _again(node: _Node) -> list[Message]:
    return _went_on(_either(node), _some(node, WORTH_A_TRY))


def _give_up(node: _Node) -> list[Message]:
    rng = node.rng
    match rng.randrange(5):
        case 0:
            return _went_on(_either(node), _some(node, LASTING))
        case 1:
            return _went_on(_again(node), _some(node, WORTH_A_TRY))
        case 2:
            return _went_on(_either(node), "", error=rng.choice(["TypeError: not a number", "RuntimeError: no"]))
        case 3:
            return node.first(text_size(_few(rng), rng.randrange(READ_CHARS + 1, 100_000)))
        case _:
            size = rng.choice(["none", f"a list, {rng.randrange(9_999)} characters", "a dict, 512 characters"])
            return node.first(size)


def _alone(node: _Node) -> list[Message]:
    rng = node.rng
    if rng.random() < 0.4:
        return node.first(node.sized(rng.randrange(READ_LINES + 1, LONGEST)), launch=False)
    lines = rng.randrange(READ_LINES + 1, 2 * ALONE_LINES)
    text = node.text(lines)
    shown = cut(text, ALONE_LINES * LINE_CHARS[1] - rng.randrange(200))[0]
    return _went_on(node.first(text_size(lines, len(text)), launch=False), shown)


def _ordered(node: _Node) -> list[Message]:
    lines = int(LONGEST ** node.rng.random())
    return node.first(node.sized(lines), launch=node.rng.random() < 0.8)


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


def _beyond(rng: random.Random) -> list[Message]:
    lines = int(LONGEST ** rng.random())
    size = rng.choice(["none", text_size(lines, int(lines * rng.uniform(10, 120)))])
    return _opening(told(size, draw_beyond(rng), launch=rng.random() < 0.8))


def _either(node: _Node) -> list[Message]:
    return _root(node) if node.rng.random() < 0.5 else _inner(node)


def _few(rng: random.Random) -> int:
    return READ_LINES if rng.random() < 0.6 else rng.randrange(1, READ_LINES + 1)


def _some(node: _Node, reasons: frozenset[str] | tuple[str, ...]) -> str:
    known = sorted(reasons)
    return str(sorted(node.rng.sample(known, node.rng.choice([1, 1, 2]))))


def _opening(first: str) -> list[Message]:
    return [Message("system", SYSTEM), Message("user", first)]


def _went_on(messages: list[Message], output: str, *, error: str | None = None) -> list[Message]:
    """The prompt one turn later: what the oracle wrote, and what came of it."""
    number = sum(message.role == "assistant" for message in messages)
    shown = Message("user", observation(number, output, error, None))
    return [*messages, Message("assistant", completion(messages)), shown]
