"""The prompts of examples, put together as the runtime does it, and told on by the oracle."""

import random
from collections.abc import Sequence

from rao_runtime.engine.prompt_nano import SYSTEM
from rao_runtime.engine.prompts import observation
from rao_runtime.ports import Message
from training.oracle import completion, turn
from training.view import View


def opening(first: str) -> list[Message]:
    """The prompt of a first turn; `first` is what `prompt_nano.told` gave."""
    return [Message("system", SYSTEM), Message("user", first)]


def went_on(messages: Sequence[Message], output: str, *, error: str | None = None) -> list[Message]:
    """The prompt one turn later: what the oracle wrote, and what came of it; `error` is a traceback."""
    number = sum(message.role == "assistant" for message in messages)
    shown = Message("user", observation(number, output, error, None))
    return [*messages, Message("assistant", completion(messages)), shown]


def failed(rng: random.Random, messages: Sequence[Message], error: str) -> list[Message]:
    """The prompt one turn later, where some line of the cell that the oracle wrote raised this error."""
    number, line = rng.choice(list(enumerate(turn(View.of(messages))[1].splitlines(), 1)))
    place = f'  File "<cell>", line {number}, in <module>\n    {line.strip()}'
    return went_on(messages, "", error=f"Traceback (most recent call last):\n{place}\n{error}")
