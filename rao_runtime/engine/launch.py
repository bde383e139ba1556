"""Reads the arguments of the functions a cell can call. Raises TypeError and ValueError in words a model can act on."""

import ast
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from rao_runtime.core.schema import Schema, compile_schema
from rao_runtime.core.values import JsonValue, to_json
from rao_runtime.ports import HostCall

MAX_GOAL_CHARS = 64 * 1024
MAX_CHECK_CHARS = 4_000

SIMPLE_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A launch as asked for, every part of it well-formed."""

    goal: str
    context: JsonValue
    returns: Mapping[str, Any] | bool | None
    schema: Schema | None
    check: str | None
    limits: Mapping[str, object]


def bind(signature: Callable[..., None], call: HostCall) -> dict[str, Any]:
    """The call's arguments by name, defaults filled in. Raises TypeError like Python itself would."""
    try:
        bound = _signature(signature).bind(*call.args, **call.kwargs)
    except TypeError as error:
        raise TypeError(f"{call.name}(): {error}") from None
    bound.apply_defaults()
    return dict(bound.arguments)


_signature = cache(inspect.signature)


def launch_subagent(
    goal: object, context: object = None, *, returns: object = None, check: object = None, limits: object = None
) -> None:
    """Only its signature is used."""


def finish(value: object, check: object = None, evidence: object = None) -> None:
    """Only its signature is used."""


def fail(kind: object, message: object = "") -> None:
    """Only its signature is used."""


def publish(value: object) -> None:
    """Only its signature is used."""


def budget() -> None:
    """Only its signature is used."""


def read_launch(call: HostCall, *, max_context_bytes: int) -> Launch:
    """What `launch_subagent` was given."""
    given = bind(launch_subagent, call)
    returns = read_returns(given["returns"])
    return Launch(
        goal=_goal(given["goal"]),
        context=to_json(given["context"], what="context", max_bytes=max_context_bytes),
        returns=returns,
        schema=None if returns is None else compile_schema(returns),
        check=read_check(given["check"]),
        limits=_limits(given["limits"]),
    )


def read_returns(returns: object) -> Mapping[str, Any] | bool | None:
    """A JSON Schema, or the name of one JSON type as a short form of it."""
    if isinstance(returns, str) and returns in SIMPLE_TYPES:
        return {"type": returns}
    plain = to_json(returns, what="returns", max_bytes=64 * 1024)
    if plain is None or isinstance(plain, dict | bool):
        return cast("Mapping[str, Any] | bool | None", plain)
    raise ValueError("returns must be a JSON Schema as a dict, such as {'type': 'integer'}")


def read_check(check: object) -> str | None:
    """A check: the text of one Python expression over `answer`."""
    if check is None:
        return None
    if not isinstance(check, str):
        raise TypeError("check must be the text of a Python expression over `answer`, such as 'answer >= 0'")
    if len(check) > MAX_CHECK_CHARS:
        raise ValueError(f"check has {len(check)} characters; at most {MAX_CHECK_CHARS} are allowed")
    try:
        ast.parse(check, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"check is not a Python expression: {error}") from None
    return check


def _goal(goal: object) -> str:
    if not isinstance(goal, str) or not goal.strip():
        raise ValueError("goal must be a text that says what the sub-agent should do")
    if len(goal) > MAX_GOAL_CHARS:
        raise ValueError(
            f"goal has {len(goal)} characters; at most {MAX_GOAL_CHARS} are allowed. Pass large text as `context`"
        )
    return cast("str", to_json(goal, what="goal"))


def _limits(limits: object) -> Mapping[str, object]:
    if limits is None:
        return {}
    if not isinstance(limits, dict):
        raise TypeError("limits must be a dict, such as {'max_tokens': 20000, 'max_turns': 5}")
    return {str(name): value for name, value in cast("dict[object, object]", limits).items()}
