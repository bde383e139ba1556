"""The words a node is given. The system prompt is one text for all nodes of a tree, the goal comes last.

Every text belongs to a version that profiles name, since a model is trained or tuned on the exact words.
"""

import json
from collections.abc import Callable, Sequence

from rao_runtime.core.limits import Reason
from rao_runtime.core.profile import Profile, PromptVersion, ProtocolName
from rao_runtime.engine import prompt_nano
from rao_runtime.engine.node_spec import NodeSpec
from rao_runtime.engine.prompt import Prompt
from rao_runtime.engine.tool_prompt import tool_section
from rao_runtime.ports import Message, ToolSpec

_ROLE = """\
You are an agent that solves a goal by writing Python. You work in turns. In each turn you write a short thought and \
one piece of Python, a cell; it runs in a REPL, and you are shown what it printed. Variables live on from cell to \
cell. The work is done when your code calls finish(value)."""

_FORMAT = {
    ProtocolName.RAO: """\
# How to write a turn

<thought>one to three sentences: what you know, what this cell does</thought>
<python>
print(len(context))
</python>

Exactly one <python> block in a turn. Write nothing after </python>; the output comes in the next message.""",
    ProtocolName.MARKDOWN: """\
# How to write a turn

One to three sentences: what you know, what this cell does. Then one block of code, and nothing after it:

```python
print(len(context))
```

Exactly one ```python block in a turn. Do not write the output yourself; it comes in the next message.""",
}

_FUNCTIONS = """\
# What your code can use

- goal: your goal, as text. context: the data that belongs to it (text, a list of texts, a dict of texts, or None). \
It can be far larger than what you can read: print parts of it, never all.
- await launch_subagent(goal, context=None, *, returns=None, check=None, limits=None): gives a part of the work to a \
copy of yourself with a fresh memory, and returns its answer as a Python value. It sees only the goal and context \
you pass. returns is a JSON Schema the answer must fit, such as {"type": "integer"}; check is the text of a Python \
expression over `answer` that must hold, such as "answer >= 0"; limits lowers its budget, such as {"max_turns": 5}.
- finish(value, check=None, evidence=None): ends your work with this answer. The cell does not go on after it.
- fail(kind, message): ends your work without an answer. kind is one of "insufficient_context", \
"irrelevant_context", "ambiguous_goal", "impossible".
- publish(value): offers a partial answer, in case you run out of budget later. A newer one replaces it.
- budget(): a dict of what is left: nodes, tokens, cost, turns, levels_below.
- asyncio.gather, to wait for several sub-agents at once."""

_DELEGATING = """\
# When and how to delegate

Do the work yourself when you can read it in a few cells. Delegate when the context is too long to read, or when the \
goal falls into parts that do not depend on each other. Then:

- Give every sub-agent a goal that stands on its own: what to do, with what, and in which form to answer. Pass its \
part of the data as context, not inside the goal.
- Launch independent parts together: results = await asyncio.gather(*[launch_subagent("Count ...", part, \
returns={"type": "integer"}) for part in parts])
- A sub-agent that fails or is refused does not raise: its value is a Failed with .reason and .message. Look for \
them with isinstance(r, Failed) before you combine; do that part yourself, or launch it again with a better goal.
- Await every launch in the cell that makes it: sub-agents still running when their cell ends are cancelled.
- Split into parts that are clearly smaller than what you were given. Never pass your own goal and context on unchanged.
- Check what comes back, then combine it with code and call finish."""

_READING = """\
# Working well

- Look at the data before you decide how to work on it: print its size and its first part.
- Output is cut when it is long; print less rather than more.
- When a cell fails, read the error and write a different cell. The same cell again ends your work.
- Answer exactly in the form the goal asks for. Make nothing up: when the data does not hold the answer, use fail."""


def system_prompt(protocol: ProtocolName, sandbox_notes: str) -> str:
    """Version 1: all an ordinary instruct model needs to know, the gaps of the sandbox's Python included."""
    python = f"# The Python you have\n\n{sandbox_notes}"
    return "\n\n".join([_ROLE, _FORMAT[protocol], _FUNCTIONS, _DELEGATING, _READING, python])


def prompt_starter(
    profile: Profile, sandbox_notes: str, tools: Sequence[ToolSpec] = (), *, salt: str | None = None
) -> Callable[[NodeSpec], Prompt]:
    """Makes the first prompt of each node of a tree; the system message is the same object for all of them.

    `salt` is the cache salt of its calls.
    """
    system = _system(profile, sandbox_notes, tools)
    is_nano = profile.prompt is PromptVersion.NANO
    ask = _nano_asker([tool.name for tool in tools]) if is_nano else first_message

    def start(spec: NodeSpec) -> Prompt:
        return Prompt(profile, [system, Message("user", ask(spec))], salt=salt)

    return start


def warm_up(profile: Profile, sandbox_notes: str) -> Prompt:
    """A prompt that has a replica read what the prompts of most nodes begin with."""
    return Prompt(profile, [_system(profile, sandbox_notes, ()), Message("user", "Are you there?")])


def first_message(spec: NodeSpec) -> str:
    """What one node is asked; its goal comes last."""
    lines = [_context_line(spec), _place_line(spec)]
    if spec.returns is not None:
        lines.append(f"The answer must fit this JSON Schema: {json.dumps(spec.returns, ensure_ascii=False)}")
    if spec.check is not None:
        lines.append(f"The answer must satisfy: {spec.check.expression}")
    lines.append(f"Goal: {spec.goal}")
    return "\n".join(lines)


def observation(turn: int, output: str, error: str | None, note: str | None) -> str:
    """What a node sees of its cell, in RAO's form."""
    parts = [f"[Cell {turn} Output]", output.rstrip("\n") or "(No output)"]
    if error is not None:
        parts += ["Error:", error]
    if note is not None:
        parts.append(note)
    return "\n".join(parts)


def last_turn(reason: Reason) -> str:
    """The warning before a node's last turn."""
    why = "You have no turns left after this one" if reason is Reason.TURNS else "Your memory is full after this turn"
    return f"{why}: call finish(...) now with the best answer you have, or fail(...)."


def _system(profile: Profile, sandbox_notes: str, tools: Sequence[ToolSpec]) -> Message:
    if profile.prompt is PromptVersion.NANO:
        return Message("system", prompt_nano.SYSTEM)
    text, section = system_prompt(profile.protocol, sandbox_notes), tool_section(tools)
    return Message("system", text if section is None else f"{text}\n\n{section}")


def _nano_asker(tools: Sequence[str]) -> Callable[[NodeSpec], str]:
    return lambda spec: prompt_nano.first_message(spec, tools)


def _context_line(spec: NodeSpec) -> str:
    size = f"{spec.size.chars:,} characters"
    match spec.context:
        case None:
            return "context is None: all there is to know stands in the goal."
        case str():
            return f"context is a text of {size}."
        case list():
            return f"context is a list of {len(spec.context)} items, {size} in all."
        case dict():
            names = ", ".join(map(repr, list(spec.context)[:20]))
            more = ", ..." if len(spec.context) > 20 else ""
            return f"context is a dict with {len(spec.context)} entries ({names}{more}), {size} in all."
        case _:
            return f"context is a value of type {type(spec.context).__name__}."


def _place_line(spec: NodeSpec) -> str:
    turns = f"You have at most {spec.limits.max_turns} turns."
    if not spec.recursive:
        return f"{turns} launch_subagent is not available for this task: do all the work yourself."
    if spec.limits.max_depth == 0:
        return f"{turns} You are at the deepest level: launch_subagent will refuse, do the work yourself."
    # No depth is told, so that a goal which begins with its parent's shares the parent's prefix in a replica's cache.
    return f"{turns} Sub-agents may launch their own; budget() tells how many levels are left below you."
