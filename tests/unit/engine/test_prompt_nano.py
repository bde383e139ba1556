"""The prompt of a model with a small window."""

from dataclasses import replace

import pytest

from rao_runtime.core.limits import Limits
from rao_runtime.core.profile import Profile, PromptVersion
from rao_runtime.engine import prompt_nano, prompts
from rao_runtime.engine.contexts import Content
from rao_runtime.engine.node_spec import AuthoredCheck
from rao_runtime.ports import Effects, Message, ToolSpec
from tests.unit.engine.specs import ROOT, with_context


def a_tool(name: str) -> ToolSpec:
    return ToolSpec(name=name, description="Do it.", parameters={}, effects=Effects.NONE, time_s=1.0, calls=1)


def test_a_profile_that_names_the_version_gets_its_words() -> None:
    start = prompts.prompt_starter(Profile(model="m", prompt=PromptVersion.NANO), "notes")
    system, first = start(with_context("one\ntwo", 7)).messages
    assert system == Message("system", prompt_nano.SYSTEM)
    assert first == Message("user", "context: 2 lines, 7 characters\nlaunch: yes\nGoal: Count the lines.")


def test_it_leaves_a_window_of_a_thousand_tokens_nearly_free() -> None:
    assert len(prompt_nano.SYSTEM) < 400


@pytest.mark.parametrize(
    ("context", "size"),
    [
        (None, "none"),
        ("", "0 lines, 9 characters"),
        ("a\nb\n", "2 lines, 9 characters"),
        (["a"], "a list, 9 characters"),
        ({"a": "b"}, "a dict, 9 characters"),
    ],
)
def test_a_context_is_told_by_its_size(context: Content, size: str) -> None:
    assert prompt_nano.described(context, 9) == size


def test_a_node_is_told_whether_it_may_launch() -> None:
    assert "launch: yes" in prompt_nano.first_message(ROOT)
    assert "launch: no" in prompt_nano.first_message(replace(ROOT, recursive=False))
    assert "launch: no" in prompt_nano.first_message(replace(ROOT, limits=Limits(max_depth=0)))


def test_a_node_is_told_the_names_of_its_tools_and_nothing_else_of_them() -> None:
    start = prompts.prompt_starter(
        Profile(model="m", prompt=PromptVersion.NANO), "notes", [a_tool("roll"), a_tool("look")]
    )
    system, first = start(ROOT).messages
    assert system.content == prompt_nano.SYSTEM
    assert "\nlaunch: yes\ntools: look, roll\nGoal: " in first.content
    assert "tools" not in prompt_nano.first_message(ROOT)


def test_what_the_answer_must_fit_stands_before_the_goal() -> None:
    spec = replace(ROOT, returns={"type": "integer"}, check=AuthoredCheck("parent", "answer > 0"))
    text = prompt_nano.first_message(spec)
    assert text.endswith('answer: {"type": "integer"}\ncheck: answer > 0\nGoal: Count the lines.')
