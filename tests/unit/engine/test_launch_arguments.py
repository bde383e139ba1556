"""Reading what a cell hands to its functions: every mistake is told in words a model can act on."""

from typing import Any

import pytest

from rao_runtime.engine import launch
from rao_runtime.engine.launch import MAX_CHECK_CHARS, MAX_GOAL_CHARS, bind, read_check, read_launch, read_returns
from rao_runtime.ports import HostCall


def call(*args: object, **kwargs: object) -> HostCall:
    return HostCall(1, "launch_subagent", args, kwargs)


def test_a_launch_is_read_whole() -> None:
    asked = read_launch(
        call("do it", ["a"], returns={"type": "integer"}, check="answer > 0", limits={"max_turns": 2}),
        max_context_bytes=100,
    )
    assert (asked.goal, asked.context, asked.check) == ("do it", ["a"], "answer > 0")
    assert asked.returns == {"type": "integer"}
    assert asked.limits == {"max_turns": 2}
    assert asked.schema is not None
    assert asked.schema.errors(1) == []
    assert asked.schema.errors("x")


def test_a_goal_is_all_that_a_launch_needs() -> None:
    asked = read_launch(call("do it"), max_context_bytes=100)
    assert (asked.context, asked.returns, asked.schema, asked.check, asked.limits) == (None, None, None, None, {})


@pytest.mark.parametrize(
    ("bad", "error", "says"),
    [
        (call(), TypeError, "goal"),
        (call("a", "b", "c"), TypeError, "too many positional"),
        (call("a", colour="red"), TypeError, "colour"),
        (call(7), ValueError, "goal must be a text"),
        (call("  \n"), ValueError, "goal must be a text"),
        (call("x" * (MAX_GOAL_CHARS + 1)), ValueError, "as `context`"),
        (call("half \ud800"), ValueError, "surrogate"),
        (call("a", {1, 2}), ValueError, "context is a set"),
        (call("a", "x" * 200), ValueError, "context is over 100 bytes"),
        (call("a", returns="int"), ValueError, "JSON Schema"),
        (call("a", returns=[1]), ValueError, "JSON Schema"),
        (call("a", returns={"type": "whole"}), ValueError, "whole"),
        (call("a", check=7), TypeError, "text of a Python expression"),
        (call("a", check="answer >"), ValueError, "not a Python expression"),
        (call("a", check="x = 1"), ValueError, "not a Python expression"),
        (call("a", limits=7), TypeError, "limits must be a dict"),
    ],
)
def test_what_cannot_be_launched_is_refused_in_words(bad: HostCall, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        read_launch(bad, max_context_bytes=100)


@pytest.mark.parametrize("name", ["string", "number", "integer", "boolean", "array", "object", "null"])
def test_a_json_type_is_short_for_its_schema(name: str) -> None:
    assert read_returns(name) == {"type": name}


@pytest.mark.parametrize("returns", [None, True, False, {"enum": [1, 2]}])
def test_a_schema_is_taken_as_it_is(returns: Any) -> None:  # noqa: ANN401 - a schema is any JSON
    assert read_returns(returns) == returns


@pytest.mark.parametrize("nasty", ["(" * 3_000, "answer\0", "x" * (MAX_CHECK_CHARS + 1), "-" * 3_999 + "1"])
def test_a_nasty_check_is_refused_and_breaks_nothing(nasty: str) -> None:
    with pytest.raises(ValueError, match="check"):
        read_check(nasty)


def test_other_functions_bind_like_python_does() -> None:
    given = bind(launch.finish, HostCall(1, "finish", (1,), {"evidence": "e"}))
    assert given == {"value": 1, "check": None, "evidence": "e"}
    with pytest.raises(TypeError, match=r"finish\(\): missing a required argument: 'value'"):
        bind(launch.finish, HostCall(1, "finish", (), {}))
    with pytest.raises(TypeError, match=r"budget\(\): too many"):
        bind(launch.budget, HostCall(1, "budget", (1,), {}))
