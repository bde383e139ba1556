"""Installed tools: which are taken, which are left out, and what the log says then."""

import logging
from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest

from rao_runtime.adapters.entry_point_tools import GROUP, EntryPointTools

NOT_A_TOOL = 3


def look(item: str) -> str:
    """Look something up."""
    return item


def look_twice(item: str) -> str:
    """Look something up, and again."""
    return item


def named(name: str) -> Callable[[str], str]:
    """A function of that name."""

    def function(item: str) -> str:
        return item

    function.__name__ = name
    return function


def __getattr__(name: str) -> object:
    if name.startswith("called_"):
        return named(name.removeprefix("called_"))
    raise AttributeError(name)


def installed(name: str, value: str, *others: tuple[str, str]) -> EntryPointTools:
    """What is found of these entry points; a value without a colon is one of this module's."""
    return EntryPointTools.load(
        EntryPoint(name, value if ":" in value else f"{__name__}:{value}", GROUP)
        for name, value in ((name, value), *others)
    )


def names(tools: EntryPointTools) -> list[str]:
    return [spec.name for spec in tools.specs()]


def test_a_function_is_a_tool_by_its_own_name() -> None:
    assert names(installed("look", "look", ("look_twice", "look_twice"))) == ["look", "look_twice"]


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("look", "no_such_package:look", "No module named 'no_such_package'"),
        ("look", "no_such_function", "no_such_function"),
        ("look", "NOT_A_TOOL", "it is neither a function nor made by `rao_runtime.tools.tool`"),
        ("see", "look", "its function is called look: give the entry point that name"),
    ],
)
def test_a_tool_that_cannot_be_loaded_is_left_out_and_the_others_stay(
    name: str, value: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert names(installed(name, value, ("look_twice", "look_twice"))) == ["look_twice"]
    assert f"tool {name} " in caplog.text
    assert why in caplog.text


@pytest.mark.parametrize(
    "name",
    [
        *("lambda", "3d", "finish", "launch_subagent", "budget", "goal", "context", "Failed", "asyncio"),
        *("map", "set", "type", "open", "sum", "ValueError", "__import__", "_rao_show", "_rao_anything"),
    ],
)
def test_a_tool_by_a_name_that_means_something_else_in_cells_is_left_out(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert names(installed(name, f"called_{name}")) == []
    assert "cells cannot call it by that name" in caplog.text


def test_of_two_tools_with_one_name_the_second_is_left_out_and_the_log_names_both(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tools = installed("look", "look", ("look", f"{__name__}:called_look"))
    [spec] = tools.specs()
    assert spec.description == "Look something up."
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert f"{__name__}:called_look" in record.getMessage()
    assert f"{__name__}:look has that name" in record.getMessage()
