"""What the generated replies read from a prompt: they must understand the runtime's own."""

from dataclasses import replace

import pytest

from rao_runtime.core.limits import Limits
from rao_runtime.core.profile import ProtocolName
from rao_runtime.engine.contexts import size_of
from rao_runtime.engine.node_spec import NodeSpec
from rao_runtime.engine.prompts import first_message, system_prompt
from rao_runtime.standin.request import ChatMessage, ChatRequest
from rao_runtime.standin.view import View

SPEC = NodeSpec(
    node_id="n",
    parent_id=None,
    depth=0,
    fork_step=None,
    launch_index=0,
    path="0",
    goal="Count the words.\nGoal: of 7 characters",
    context="x" * 12_345,
    size=size_of("x" * 12_345),
    returns=None,
    schema=None,
    check=None,
    limits=Limits(),
    recursive=True,
)


def _view(spec: NodeSpec = SPEC, protocol: ProtocolName = ProtocolName.RAO, turns: int = 0) -> View:
    talk = [
        ChatMessage(role="system", content=system_prompt(protocol, "")),
        ChatMessage(role="user", content=first_message(spec)),
    ]
    for _ in range(turns):
        talk += [ChatMessage(role="assistant", content="..."), ChatMessage(role="user", content="Goal: none")]
    return View.of(ChatRequest(messages=talk))


def test_goal_size_turn_and_recursion_are_read_off_the_runtimes_prompt() -> None:
    view = _view(turns=2)
    assert view.goal == SPEC.goal
    assert view.context_chars == 12_345
    assert view.turn == 2
    assert view.can_launch


def test_a_node_without_context_has_no_size() -> None:
    assert _view(replace(SPEC, context=None, size=size_of(None))).context_chars is None


def test_a_name_in_the_context_is_not_taken_for_its_size() -> None:
    context = {"99 characters": "abc"}
    assert _view(replace(SPEC, context=context, size=size_of(context))).context_chars == len("99 characters") + 3


@pytest.mark.parametrize("spec", [replace(SPEC, recursive=False), replace(SPEC, limits=Limits(max_depth=0))])
def test_a_node_that_may_not_launch_is_known(spec: NodeSpec) -> None:
    assert not _view(spec).can_launch


@pytest.mark.parametrize(("protocol", "fenced"), [(ProtocolName.RAO, False), (ProtocolName.MARKDOWN, True)])
def test_the_format_is_the_one_the_system_prompt_asks_for(protocol: ProtocolName, fenced: bool) -> None:
    assert _view(protocol=protocol).fenced is fenced


def test_without_a_mark_the_whole_message_is_the_goal() -> None:
    view = View.of(ChatRequest(messages=[ChatMessage(role="user", content="Count the words.")]))
    assert (view.goal, view.context_chars, view.can_launch) == ("Count the words.", None, False)
