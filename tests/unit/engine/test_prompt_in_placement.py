"""What placement is told of a node's prompt."""

from itertools import pairwise

from rao_runtime.core.placement import PromptKey
from rao_runtime.core.profile import Profile
from rao_runtime.engine.prompt import Prompt
from rao_runtime.ports import Message

SYSTEM = Message("system", "s" * 2_000)


def fresh(goal: str = "Count.", *, model: str = "m", salt: str | None = None) -> Prompt:
    return Prompt(Profile(model=model, bytes_per_token=4.0), [SYSTEM, Message("user", goal)], salt=salt)


def names(key: PromptKey) -> list[int]:
    return [segment.chain for segment in key.segments]


def test_every_turns_key_begins_with_the_one_before() -> None:
    prompt, keys = fresh(), list[PromptKey]()
    for turn in range(4):
        keys.append(prompt.key())
        prompt.add_turn(f"turn {turn}", None, "")
        prompt.add_observation(f"seen {turn}")
    for shorter, longer in pairwise(keys):
        assert names(longer)[: len(shorter.segments)] == names(shorter)
        assert longer.asked == len(shorter.segments)


def test_a_keys_tokens_are_those_of_the_prompt_as_estimated() -> None:
    prompt = fresh()
    assert prompt.key().tokens == prompt.tokens
    prompt.add_turn("turn", None, "")
    prompt.add_observation("seen")
    assert prompt.key().tokens == prompt.tokens


def test_nodes_share_the_system_prompt_and_siblings_are_told_as_such() -> None:
    one, other = fresh("Count.").key("node:1"), fresh("Sum up.").key("node:1")
    assert names(one)[:-1] == names(other)[:-1]
    assert names(one)[-1] != names(other)[-1]
    assert one.siblings == "node:1"


def test_other_tenants_and_other_models_share_nothing() -> None:
    mine = set(names(fresh(salt="a").key()))
    assert mine.isdisjoint(names(fresh(salt="b").key()))
    assert mine.isdisjoint(names(fresh(salt="a", model="other").key()))
