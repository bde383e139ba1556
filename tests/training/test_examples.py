"""The stream of training examples."""

import random
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core import cells
from rao_runtime.core.protocol import RAO
from rao_runtime.engine.prompt_nano import SYSTEM
from rao_runtime.ports import Message
from training.evaluation.oracle_replica import WINDOW
from training.examples import SHARES, Example, Role, example, examples, of_role
from training.goals import Kind
from training.view import View
from training.words import NAMES

SEEDS = st.integers(0, 2**32)


def estimated_tokens(shown: Example) -> int:
    texts = [*(message.content for message in shown.messages), shown.completion]
    return sum(-(-len(text.encode()) // 3) + 8 for text in texts)


@given(SEEDS, st.integers(0, 10_000))
def test_an_example_depends_on_its_seed_and_number_alone(seed: int, number: int) -> None:
    assert example(seed, number) == example(seed, number)


def test_a_stream_can_be_taken_up_anywhere() -> None:
    whole = list(islice(examples(3), 40))
    assert list(islice(examples(3, start=25), 15)) == whole[25:]
    assert list(islice(examples(4), 40)) != whole


@given(SEEDS, st.sampled_from(Role), st.booleans())
def test_every_example_fits_the_window_and_every_turn_is_read_back(seed: int, role: Role, held_out: bool) -> None:
    shown = of_role(random.Random(seed), role, held_out=held_out)
    assert estimated_tokens(shown) <= WINDOW
    assert [message.role for message in shown.messages[:2]] == ["system", "user"]
    assert shown.messages[0].content == SYSTEM
    assert shown.messages[-1].role == "user"
    for written in (shown.completion, *(m.content for m in shown.messages if m.role == "assistant")):
        action = RAO.parse(written, "stop")
        assert action.problem is None
        assert action.thought
        assert action.code
        assert cells.problem(action.code) is None
        assert RAO.render(written.removesuffix("</python>"), "stop") == written


def _share(told: str, role: Role) -> list[float]:
    """Of 1,000 examples of a role: how many are told this, or of those with a text, how many have lines so long."""
    rng = random.Random(7)
    heads = [of_role(rng, role).messages[1].content.partition("Goal: ")[0] for _ in range(1_000)]
    if told != "characters in a line":
        return [sum(f"\n{told}" in head for head in heads) / len(heads)]
    views = [View.of([Message("user", head)]) for head in heads]
    means = [view.chars / view.lines for view in views if view.chars is not None and view.lines is not None]
    return [sum(mean < limit for mean in means) / len(means) for limit in (8, 16, 28, 50, 80, 120, 200)]


EXPECTED = {
    Role.ROOT: "launch_subagent(",
    Role.INNER: "launch_subagent(",
    Role.READ: "print(",
    Role.ANSWER: "finish(",
    Role.MERGE: "finish(",
    Role.AGAIN: "launch_subagent(",
    Role.GIVE_UP: 'fail("',
    Role.ORDERED: "finish(n)",
    Role.BEYOND: 'fail("impossible"',
    Role.CRAFT_LOOK: "print(await get_info(",
    Role.CRAFT_DIRECT: "finish(await craft(",
    Role.CRAFT_LAUNCH: "launch_subagent(",
}


@given(SEEDS, st.sampled_from(sorted(EXPECTED)))
def test_each_role_is_answered_in_its_own_way(seed: int, role: Role) -> None:
    assert EXPECTED[role] in of_role(random.Random(seed), role).completion


def test_all_roles_and_kinds_come_up_about_as_often_as_said() -> None:
    drawn = list(islice(examples(11), 4_000))
    roles = Counter(each.role for each in drawn)
    assert all(abs(roles[role] / len(drawn) - share) < 0.03 for role, share in SHARES.items())
    assert sum(SHARES.values()) == pytest.approx(1)
    assert {each.kind for each in drawn} == {*Kind, None}


@pytest.mark.parametrize("told", ["characters in a line", "answer: ", "check: "])
def test_nothing_but_its_words_tells_a_known_goal_from_an_unknown_one(told: str) -> None:
    known, unknown = (_share(told, role) for role in (Role.ROOT, Role.BEYOND))
    assert known == pytest.approx(unknown, abs=0.06)


def test_a_reading_thought_lists_the_hits_with_a_running_number() -> None:
    rng = random.Random(2)
    thoughts = [RAO.parse(of_role(rng, Role.ANSWER).completion, "stop").thought for _ in range(100)]
    for thought in thoughts:
        first, *found = thought.split()
        numbers = found[1::2]
        assert first == "found"
        assert found == ["none"] or numbers == [str(n) for n in range(1, len(numbers) + 1)]
    assert "found none" in thoughts
    assert any(" 4" in thought for thought in thoughts)


def test_of_a_part_that_is_asked_for_a_person_only_the_lines_that_name_the_person_are_shown() -> None:
    rng = random.Random(3)
    drawn = [each for each in (of_role(rng, Role.ANSWER) for _ in range(200)) if each.kind is Kind.COUNT_PERSON]
    for each in drawn:
        asked, shown = each.messages[1].content, each.messages[-1].content.splitlines()[1:]
        (person,) = [name for name in NAMES if name in asked]
        assert shown == ["(No output)"] or all(person in line for line in shown)
    assert len(drawn) > 10
