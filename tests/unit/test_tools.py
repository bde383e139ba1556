"""Functions become tools: what they take, what they say of themselves, and how the server finds them."""

import asyncio
import inspect
import json
import math
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs
import pytest
from anyio.lowlevel import checkpoint
from pydantic import BaseModel

from rao_runtime.adapters.entry_point_tools import EntryPointTools
from rao_runtime.engine.tool_prompt import tool_section
from rao_runtime.ports import Effects
from rao_runtime.tools import FunctionTool, tool


@tool(time_s=2.0, calls=5)
async def look(item: str, depth: int = 1, *, kind: Literal["a", "b"] = "a") -> list[str]:
    """Look something up.

    More than a model needs to know.
    """
    return [item] * depth + [kind]


@tool(effects="tree")
def count(step: int, state: int | None) -> tuple[int, int]:
    """Count up."""
    after = (state or 0) + step
    return after, after


def test_a_tool_tells_its_name_what_it_is_for_and_what_it_takes() -> None:
    spec = look.spec.as_dict()
    assert (spec["name"], spec["description"], spec["effects"]) == ("look", "Look something up.", "none")
    assert spec["limits"] == {"time_s": 2.0, "calls": 5}
    parameters = spec["parameters"]
    assert (parameters["required"], parameters["additionalProperties"]) == (["item"], False)
    assert parameters["properties"]["depth"] == {"type": "integer", "default": 1}
    assert parameters["properties"]["kind"]["enum"] == ["a", "b"]


async def test_arguments_are_bound_by_name_with_their_defaults_and_checked() -> None:
    assert look.bind(("x",), {"kind": "b"}) == {"item": "x", "depth": 1, "kind": "b"}
    assert await look.run({"item": "x", "depth": 2, "kind": "b"}, None) == (["x", "x", "b"], None)


@pytest.mark.parametrize(
    ("args", "kwargs", "why"),
    [
        ((), {}, "look\\(\\): missing a required argument: 'item'"),
        (("x", 1, "a"), {}, "look\\(\\): too many positional"),
        (("x",), {"size": 1}, "look\\(\\): got an unexpected keyword"),
        ((3,), {}, "look\\(\\): item: Input should be a valid string"),
        (("x",), {"kind": "c"}, "look\\(\\): kind: Input should be 'a' or 'b'"),
    ],
)
def test_a_wrong_call_is_told_in_words(args: tuple[Any, ...], kwargs: Mapping[str, Any], why: str) -> None:
    with pytest.raises((TypeError, ValueError), match=why):
        look.bind(args, kwargs)


async def test_what_keeps_state_is_given_it_and_gives_it_back_and_no_caller_can_pass_it() -> None:
    assert count.spec.effects is Effects.TREE
    assert list(count.spec.parameters["properties"]) == ["step"]
    assert await count.run({"step": 2}, None) == (2, 2)
    assert await count.run({"step": 3}, 2) == (5, 5)
    with pytest.raises(TypeError, match="unexpected keyword argument 'state'"):
        count.bind((1,), {"state": 9})


def test_a_tool_keeps_state_if_and_only_if_it_takes_it() -> None:
    def plain(state: int) -> int:
        return state

    with pytest.raises(TypeError, match="only if"):
        FunctionTool(plain, effects=Effects.NONE)
    with pytest.raises(TypeError, match="only if"):
        tool(effects="tree")(test_a_tool_keeps_state_if_and_only_if_it_takes_it)


class Part(BaseModel):
    """What an order is made of."""

    name: str
    count: int = 1


async def test_types_that_are_written_as_text_are_found() -> None:
    # As `from __future__ import annotations` leaves them.
    def order(parts: "list[Part]") -> "int":
        """Order parts."""
        return sum(part.count for part in parts)

    made = FunctionTool(order, effects=Effects.NONE)
    assert await made.run(made.bind(([{"name": "axe", "count": 2}],), {}), None) == (2, None)


def test_types_that_are_not_there_when_a_tool_is_loaded_are_named() -> None:
    def order(part: str) -> None:
        """Order a part."""

    # As an import leaves it that only type checkers make.
    order.__annotations__["part"] = "Missing"
    with pytest.raises(TypeError, match="order: its types must be there when it is loaded: name 'Missing'"):
        FunctionTool(order, effects=Effects.NONE)


def test_the_schema_of_nested_types_is_whole_and_their_parameters_are_told_as_what_json_has() -> None:
    def order(parts: list[Part], spare: Part, where: Path = Path("/tmp")) -> None:  # noqa: S108
        """Order parts."""

    spec = FunctionTool(order, effects=Effects.NONE).spec
    good: dict[str, Any] = {"parts": [{"name": "axe", "count": 2}], "spare": {"name": "rod"}}
    check = jsonschema_rs.Draft202012Validator(dict(spec.parameters))
    assert check.is_valid(good)
    assert not check.is_valid(good | {"parts": [{"count": 2}]})
    assert json.loads(json.dumps(spec.as_dict()))["parameters"]["properties"]["where"]["default"] == "/tmp"  # noqa: S108
    assert "order(parts: list, spare: dict, where: str = '/tmp')" in str(tool_section([spec]))


def no_number(count: int = "many") -> None:  # type: ignore[assignment]
    """Its default is none of its type."""


def endless(most: float = math.inf) -> None:
    """JSON has no infinity."""


@pytest.mark.parametrize("function", [no_number, endless])
def test_a_default_that_no_call_could_use_is_refused(function: Callable[..., None]) -> None:
    with pytest.raises(ValueError, match=r"its own default for `(count|most)` cannot be used"):
        FunctionTool(function, effects=Effects.NONE)


def by_place(item: str, /) -> None:
    """Only by place."""


def many(*items: str) -> None:
    """Any number."""


def any_names(**items: str) -> None:
    """Any names."""


@pytest.mark.parametrize("function", [by_place, many, any_names])
def test_a_parameter_that_cannot_be_passed_by_name_is_refused(function: Callable[..., None]) -> None:
    (parameter,) = inspect.signature(function).parameters
    with pytest.raises(TypeError, match=rf"{function.__name__}: `\**{parameter}: str` cannot be passed by name"):
        FunctionTool(function, effects=Effects.NONE)


async def test_plain_tools_that_hang_hold_up_neither_the_server_nor_other_tools() -> None:
    gate = threading.Event()

    def hang() -> bool:
        """Hang."""
        return gate.wait()

    hung = FunctionTool(hang, effects=Effects.NONE)
    calls = [asyncio.create_task(hung.run({}, None)) for _ in range(40)]
    await checkpoint()
    try:
        async with asyncio.timeout(10):
            assert await asyncio.to_thread(len, "abc") == 3
            assert await count.run({"step": 2}, None) == (2, 2)
    finally:
        gate.set()
    assert await asyncio.gather(*calls) == [(True, None)] * 40


async def test_a_plain_tool_that_exits_ends_its_call_only() -> None:
    made = FunctionTool(leave, effects=Effects.NONE)
    with pytest.raises(SystemExit):
        await made.run({}, None)


def leave() -> None:
    """Read the arguments of a command, as some libraries do."""
    sys.exit(2)


async def test_a_plain_tool_that_raises_stop_iteration_ends_its_call_at_once() -> None:
    @tool()
    def first(items: list[str]) -> str:
        """The first of them."""
        return next(iter(items))

    async with asyncio.timeout(5):
        with pytest.raises(RuntimeError, match=r"first\(\) raised StopIteration"):
            await first.run({"items": []}, None)


def test_a_toolbox_has_its_tools_by_name_and_in_order() -> None:
    box = EntryPointTools([look, count])
    assert [spec.name for spec in box.specs()] == ["count", "look"]
    assert box.get("look") is look
    assert box.get("fly") is None


def test_installed_tools_are_found_by_their_entry_points() -> None:
    assert [spec.name for spec in EntryPointTools.load().specs()] == ["craft", "get_info"]
