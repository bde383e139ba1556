"""What a prompt in version `nano` tells: all that the oracle decides by."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rao_runtime.engine.prompt_nano import text_size
from rao_runtime.ports import Message

# A part that failed for one of these may do better a second time; the others would only fail again.
WORTH_A_TRY = frozenset({"model_error", "sandbox_error", "turns", "window", "answer_invalid"})

_SIZE = re.compile(r"context: " + re.escape(text_size(0, 0)).replace("0", r"(\d+)"))
_TOOLS = re.compile(r"^tools: (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the messages tell: `lines` and `chars` are None where the context is no text, `seen` what cells printed."""

    goal: str
    lines: int | None
    chars: int | None
    launch: bool
    tools: frozenset[str]
    seen: tuple[str, ...]

    @classmethod
    def of(cls, messages: Sequence[Message]) -> "View":
        """The view of a prompt."""
        first, *seen = [message.content for message in messages if message.role == "user"]
        head, _, goal = first.partition("Goal: ")
        size, tools = _SIZE.match(head), _TOOLS.search(head)
        return cls(
            goal=goal,
            lines=None if size is None else int(size[1]),
            chars=None if size is None else int(size[2]),
            launch="\nlaunch: yes" in head,
            tools=frozenset[str]() if tools is None else frozenset(tools[1].split(", ")),
            seen=tuple(text.partition("\n")[2] for text in seen),
        )

    @property
    def error(self) -> bool:
        """Whether a cell failed."""
        return any("\nError:\n" in f"\n{text}" for text in self.seen)

    @property
    def reasons(self) -> frozenset[str]:
        """Why sub-agents failed, as the last cell printed it."""
        return frozenset(re.findall(r"'(\w+)'", self.seen[-1]))
