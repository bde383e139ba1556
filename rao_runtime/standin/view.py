"""What a generated reply goes by: the prompt as a model would read it, and the two ways to write an action."""

import re
from dataclasses import dataclass

from rao_runtime.standin.request import ChatRequest

_SIZE = re.compile(r"(\d[\d,_]*) (?:characters|chars)\b", re.IGNORECASE)
_GOAL = re.compile(r"^Goal:[ \n]", re.MULTILINE)
_NO_LAUNCH = re.compile(r"launch_subagent (?:is not available|will refuse)")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A node's prompt, read.

    `goal` is what follows "Goal:" in the first user message, all of it where nothing does. `context_chars` is the size
    of the context as stated before the goal, None if it is not. `can_launch` tells whether `launch_subagent` is known
    and of use, `fenced` whether code is wanted in fenced blocks.
    """

    goal: str
    turn: int
    context_chars: int | None
    can_launch: bool
    fenced: bool

    @classmethod
    def of(cls, request: ChatRequest) -> "View":
        """The view of this request."""
        system, task = request.first("system"), request.first("user")
        mark = _GOAL.search(task)
        head, goal = (task[: mark.start()], task[mark.end() :]) if mark else (task, task)
        # A name in the context may look like a size; the size itself comes last.
        sizes = _SIZE.findall(head)
        return cls(
            goal=goal,
            turn=request.turn,
            context_chars=int(re.sub(r"[,_]", "", sizes[-1])) if sizes else None,
            can_launch="launch_subagent" in system and not _NO_LAUNCH.search(head),
            fenced="```" in system and "<python>" not in system,
        )

    def action(self, thought: str, code: str) -> str:
        """The reply that thinks this and runs that, in the format the prompt asks for."""
        if self.fenced:
            return f"{thought}\n\n```python\n{code}\n```"
        return f"<thought>{thought}</thought>\n<python>\n{code}\n</python>"
