"""Prompt version `nano`: for a model whose window of some 1,024 tokens cannot hold the long prompt.

It tells what such a model decides by: how many lines its text has, and whether it may launch. A model is trained on
these exact words; a change of any of them is a new version.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rao_runtime.engine.contexts import Content
from rao_runtime.engine.node_spec import NodeSpec

SYSTEM = """\
You solve a goal in turns. A turn is <thought>...</thought> and one cell, <python>...</python>; then you see its output.
A short context you print and read, and finish(answer). A long one you split into parts: await asyncio.gather(...) of \
launch_subagent(goal, part), then merge the answers. What you cannot do ends with fail(kind, message)."""


def first_message(spec: NodeSpec, tools: Sequence[str] = ()) -> str:
    """What one node is asked; its goal comes last. `tools` are the names of those that it can call."""
    check = None if spec.check is None else spec.check.expression
    launch = spec.recursive and spec.limits.max_depth > 0
    return told(
        described(spec.context, spec.size.chars),
        spec.goal,
        launch=launch,
        tools=tools,
        returns=spec.returns,
        check=check,
    )


def told(
    size: str,
    goal: str,
    *,
    launch: bool = True,
    tools: Sequence[str] = (),
    returns: Mapping[str, Any] | bool | None = None,
    check: str | None = None,
) -> str:
    """The first message from its parts; `size` is what `described` or `text_size` gave."""
    lines = [f"context: {size}", f"launch: {'yes' if launch else 'no'}"]
    if tools:
        lines.append(f"tools: {', '.join(sorted(tools))}")
    if returns is not None:
        lines.append(f"answer: {json.dumps(returns, ensure_ascii=False)}")
    if check is not None:
        lines.append(f"check: {check}")
    return "\n".join([*lines, f"Goal: {goal}"])


def described(context: Content, chars: int) -> str:
    """A context's size as the model is told it."""
    match context:
        case None:
            return "none"
        case str():
            return text_size(len(context.splitlines()), chars)
        case _:
            return f"a {type(context).__name__}, {chars} characters"


def text_size(lines: int, chars: int) -> str:
    """The size of a text."""
    return f"{lines} lines, {chars} characters"
