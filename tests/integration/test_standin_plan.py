"""What a completion will be, worked out without a clock: chunks, times, stops, caps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.standin.config import StandInConfig, changed
from rao_runtime.standin.faults import CATALOGUE
from rao_runtime.standin.plan import Plan, plan, spoiled
from rao_runtime.standin.tokens import count, count_messages, split

TEXTS = st.text(alphabet="ab </\n\u00e9", max_size=80)


def _plan(text: str, config: StandInConfig, *, cap: int = 1000, request_id: str = "r") -> Plan:
    return plan(text, stops=(), cap=cap, request_id=request_id, config=config)


@given(TEXTS, st.integers(1, 7), st.integers(1, 5))
def test_the_pieces_of_a_text_are_the_text_and_have_its_tokens(text: str, chars_per_token: int, tokens: int) -> None:
    pieces = split(text, chars_per_token, tokens)
    assert "".join(pieces) == text
    assert sum(count(piece, chars_per_token) for piece in pieces) == count(text, chars_per_token)
    assert all(count(piece, chars_per_token) <= tokens for piece in pieces)


@given(TEXTS, TEXTS)
def test_a_longer_text_never_has_fewer_tokens(text: str, more: str) -> None:
    assert count(text, 4) <= count(text + more, 4) <= count(text, 4) + count(more, 4)


def test_each_message_costs_its_text_and_four_tokens() -> None:
    assert count_messages(("", "12345"), 4) == 4 + (2 + 4)


@given(TEXTS, st.lists(st.text(alphabet="ab<", min_size=1, max_size=3), max_size=3), st.integers(1, 30))
def test_a_plan_keeps_to_stops_and_cap_and_never_invents_text(text: str, stops: list[str], cap: int) -> None:
    made = plan(text, stops=tuple(stops), cap=cap, request_id="r", config=StandInConfig(chunk_tokens=2))
    assert text.startswith(made.text)
    assert made.tokens <= cap
    assert not any(stop in made.text for stop in stops)
    assert count(made.text, 4) <= made.tokens
    assert [step.tokens for step in made.steps] == sorted(step.tokens for step in made.steps)
    assert (made.finish_reason == "length") == (made.stop_reason is None and made.text != text)


def test_the_duration_does_not_depend_on_how_the_text_is_chunked() -> None:
    durations = [
        sum(step.delay_s for step in _plan("x" * 400, config).steps)
        for config in (StandInConfig(first_token_s=0.5, per_token_s=0.01, chunk_tokens=size) for size in (1, 7, 1000))
    ]
    assert durations == pytest.approx([0.5 + 99 * 0.01] * 3)


def test_jitter_is_of_the_seed_and_the_request_and_keeps_within_its_share() -> None:
    def duration(seed: int, request_id: str) -> float:
        config = StandInConfig(first_token_s=1, jitter=0.25, seed=seed)
        return sum(step.delay_s for step in _plan("x", config, request_id=request_id).steps)

    drawn = [duration(1, f"r{number}") for number in range(200)]
    assert drawn == [duration(1, f"r{number}") for number in range(200)]
    assert drawn != [duration(2, f"r{number}") for number in range(200)]
    assert 0.75 <= min(drawn) < 0.8
    assert 1.2 < max(drawn) <= 1.25


def test_a_text_of_nothing_still_has_one_chunk_and_takes_the_first_tokens_time() -> None:
    made = _plan("", StandInConfig(first_token_s=0.5))
    assert [(step.delay_s, step.text, step.tokens) for step in made.steps] == [(0.5, "", 0)]


def test_a_spoiled_plan_is_a_prefix_of_the_whole() -> None:
    whole = _plan("x" * 100, StandInConfig(chunk_tokens=5))
    for fault in CATALOGUE.values():
        part = spoiled(whole, fault)
        assert [step.text for step in part.steps] == [step.text for step in whole.steps[: len(part.steps)]]


@pytest.mark.parametrize(
    "field",
    ["slots", "window", "chunk_tokens", "chars_per_token", "first_token_s", "per_token_s", "queue_limit", "jitter"],
)
def test_a_setting_that_makes_no_sense_is_named(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field}: "):
        changed(StandInConfig(), {field: -1})


def test_a_stand_in_serves_at_least_one_model() -> None:
    with pytest.raises(ValueError, match=r"^models: "):
        StandInConfig(models=())
