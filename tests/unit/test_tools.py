"""Functions become tools: what they take, what they say of themselves, and how the server finds them."""

from collections.abc import Mapping
from typing import Any, Literal

import pytest

from rao_runtime.adapters.entry_point_tools import EntryPointTools
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


def test_a_toolbox_has_its_tools_by_name_and_in_order() -> None:
    box = EntryPointTools([look, count])
    assert [spec.name for spec in box.specs()] == ["count", "look"]
    assert box.get("look") is look
    assert box.get("fly") is None


def test_installed_tools_are_found_by_their_entry_points() -> None:
    assert [spec.name for spec in EntryPointTools.load().specs()] == ["craft", "get_info"]
