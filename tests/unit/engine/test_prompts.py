"""The words a node is given, and the prompt that only ever grows."""

from dataclasses import replace
from itertools import pairwise

import pytest

from rao_runtime.core.limits import Limits, Reason
from rao_runtime.core.profile import Profile, ProtocolName
from rao_runtime.core.usage import Tokens
from rao_runtime.engine import prompts
from rao_runtime.engine.contexts import Content
from rao_runtime.engine.node_spec import AuthoredCheck
from rao_runtime.engine.prompt import MESSAGE_TOKENS, Prompt
from rao_runtime.ports import Message
from tests.unit.engine.specs import ROOT, with_context

PROFILE = Profile(model="m", bytes_per_token=4.0)


def fresh() -> Prompt:
    return Prompt(PROFILE, [Message("system", "s" * 40), Message("user", "u" * 20)])


@pytest.mark.parametrize("protocol", list(ProtocolName))
def test_the_system_prompt_explains_every_function_and_the_format(protocol: ProtocolName) -> None:
    text = prompts.system_prompt(protocol, "Only these modules exist: re, json.")
    for name in ("launch_subagent", "finish", "fail", "publish", "budget()", "asyncio.gather", "Failed", "context"):
        assert name in text
    assert ("<python>" in text) == (protocol is ProtocolName.RAO)
    assert ("```python" in text) == (protocol is ProtocolName.MARKDOWN)
    assert text.endswith("Only these modules exist: re, json.")


def test_all_nodes_of_a_tree_share_one_system_message_and_the_goal_comes_last() -> None:
    start = prompts.prompt_starter(PROFILE, "notes")
    one, other = start(ROOT), start(replace(ROOT, goal="Something else."))
    assert one.messages[0] is other.messages[0]
    assert one.messages[1].content.endswith("Goal: Count the lines.")
    assert other.messages[1].content.endswith("Goal: Something else.")


@pytest.mark.parametrize(
    ("context", "chars", "line"),
    [
        (None, 0, "context is None"),
        ("abc", 3, "context is a text of 3 characters."),
        (["a", "b"], 1_234, "context is a list of 2 items, 1,234 characters in all."),
        ({"x": "1", "y": "2"}, 4, "context is a dict with 2 entries ('x', 'y'), 4 characters in all."),
        (3.5, 3, "context is a value of type float."),
    ],
)
def test_a_context_is_described_and_never_pasted(context: Content, chars: int, line: str) -> None:
    assert line in prompts.first_message(with_context(context, chars))


def test_a_huge_context_leaves_the_first_message_short() -> None:
    many = {f"name {n}": "text" * 1_000 for n in range(10_000)}
    assert len(prompts.first_message(with_context(many, 40_000_000))) < 1_000


def test_a_node_is_told_whether_and_how_deep_it_may_launch() -> None:
    def place(levels: int, *, recursive: bool = True) -> str:
        return prompts.first_message(replace(ROOT, limits=Limits(max_depth=levels, max_turns=7), recursive=recursive))

    assert "Sub-agents may launch their own" in place(1)
    assert "deepest level" in place(0)
    assert "launch_subagent is not available" in place(2, recursive=False)
    assert "at most 7 turns" in place(2)


def test_a_goal_that_begins_with_its_parents_makes_a_prompt_that_begins_with_its_parents() -> None:
    parent = replace(ROOT, limits=Limits(max_depth=3))
    child = replace(parent, goal=f"{ROOT.goal} Only the first half.", depth=1, limits=Limits(max_depth=2))
    assert prompts.first_message(child).startswith(prompts.first_message(parent))


def test_a_node_is_told_what_its_answer_must_fit() -> None:
    spec = replace(ROOT, returns={"type": "integer"}, check=AuthoredCheck("parent", "answer > 0"))
    text = prompts.first_message(spec)
    assert '{"type": "integer"}' in text
    assert "answer > 0" in text


def test_an_observation_shows_output_error_and_note_in_order() -> None:
    assert prompts.observation(3, "out\n", None, None) == "[Cell 3 Output]\nout"
    assert prompts.observation(0, "", "boom", "note") == "[Cell 0 Output]\n(No output)\nError:\nboom\nnote"


def test_the_last_turn_is_announced_with_its_reason() -> None:
    assert "no turns left" in prompts.last_turn(Reason.TURNS)
    assert "memory is full" in prompts.last_turn(Reason.WINDOW)


def test_every_prompt_is_a_prefix_of_the_next() -> None:
    prompt, sent = fresh(), list[tuple[Message, ...]]()
    for turn in range(4):
        sent.append(prompt.messages)
        prompt.add_turn(f"reply {turn}", None, "")
        prompt.add_observation(f"seen {turn}")
    for shorter, longer in pairwise(sent):
        assert longer[: len(shorter)] == shorter


def test_a_notice_goes_to_the_end_of_the_message_that_is_sent_next() -> None:
    prompt = fresh()
    before = prompt.tokens
    prompt.add_notice("hurry up")
    assert prompt.messages[-1].content.endswith("u\n\nhurry up")
    assert prompt.tokens > before


def test_tokens_are_estimated_until_a_replica_has_counted() -> None:
    prompt = fresh()
    assert prompt.tokens == 10 + 5 + 2 * MESSAGE_TOKENS
    prompt.add_turn("r" * 8, None, "")
    assert prompt.tokens == 10 + 5 + 2 + 3 * MESSAGE_TOKENS
    prompt.add_turn("r" * 8 + "</x>", Tokens(input=100, output=20), "</x>")
    assert prompt.tokens == 120 + MESSAGE_TOKENS + 1
    prompt.add_observation("o" * 40)
    assert prompt.tokens == 120 + MESSAGE_TOKENS + 1 + 10 + MESSAGE_TOKENS


def test_text_beyond_ascii_counts_by_its_bytes_and_half_a_surrogate_is_no_obstacle() -> None:
    prompt = Prompt(PROFILE, [Message("user", "ééé\ud800")])
    assert prompt.tokens == MESSAGE_TOKENS + 2
