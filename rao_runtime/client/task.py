"""A task as a client writes it down, and the body it becomes."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, TypeAlias, TypedDict, cast

Context: TypeAlias = str | Sequence[str] | Mapping[str, str] | None


class Limits(TypedDict, total=False):
    """Caps; what is left out is the server's default. `max_turns` and `max_children` are per node."""

    max_depth: int
    max_nodes: int
    max_children: int
    max_turns: int
    max_tokens: int
    max_cost: Decimal | str
    deadline_s: float


class Sampling(TypedDict, total=False):
    """How completions are drawn; what is left out comes from the model's profile."""

    temperature: float
    top_p: float
    max_tokens: int
    seed: int


class TaskFields(TypedDict, total=False):
    """The fields of `POST /solve` beside goal and context. None is the same as leaving a field out."""

    mode: Literal["auto", "recursive", "flat"] | None
    auto_fraction: float | None
    expected_output_tokens: int | None
    model: str | None
    answer_schema: Mapping[str, Any] | bool | None
    check: str | None
    limits: Limits | None
    sampling: Sampling | None
    tools: Sequence[str] | None
    priority: int | None
    metadata: Mapping[str, Any] | None


def body(goal: str, context: Context, fields: TaskFields) -> bytes:
    """The request's body. Raises ValueError for what is no JSON."""
    task = {"goal": goal, "context": context, **fields}
    given = {name: value for name, value in task.items() if value is not None}
    return json.dumps(given, ensure_ascii=False, allow_nan=False, default=_plain).encode()


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return list(cast("Sequence[Any]", value))
    raise ValueError(f"a task cannot hold a {type(value).__name__}")
