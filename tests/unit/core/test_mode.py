from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.mode import ModeDecision, decide, estimate_tokens
from rao_runtime.core.task import Mode


def decided(mode: Mode, *, context_tokens: int = 0, window: int | None = 1000, fraction: float = 0.5) -> ModeDecision:
    return decide(
        mode,
        goal_tokens=100,
        context_tokens=context_tokens,
        expected_output_tokens=200,
        window=window,
        auto_fraction=fraction,
    )


def test_auto_is_flat_up_to_its_share_of_the_window_and_recursive_beyond() -> None:
    assert decided(Mode.AUTO, context_tokens=200).effective is Mode.FLAT
    assert decided(Mode.AUTO, context_tokens=201).effective is Mode.RECURSIVE
    assert decided(Mode.AUTO, context_tokens=200, fraction=0.4).effective is Mode.RECURSIVE


def test_auto_recurses_where_the_window_is_unknown() -> None:
    assert decided(Mode.AUTO, window=None).effective is Mode.RECURSIVE


@given(st.integers(0, 10**6), st.none() | st.integers(0, 10**6))
def test_a_mode_that_was_asked_for_is_kept(context_tokens: int, window: int | None) -> None:
    for mode in (Mode.FLAT, Mode.RECURSIVE):
        assert decided(mode, context_tokens=context_tokens, window=window).effective is mode


@given(st.integers(0, 10**6), st.none() | st.integers(0, 10**6))
def test_auto_always_ends_as_one_of_the_two(context_tokens: int, window: int | None) -> None:
    decision = decided(Mode.AUTO, context_tokens=context_tokens, window=window)
    assert decision.requested is Mode.AUTO
    assert decision.effective is not Mode.AUTO


def test_a_decision_carries_its_numbers() -> None:
    assert decided(Mode.AUTO, context_tokens=201).as_dict() == {
        "requested": "auto",
        "effective": "recursive",
        "needed_tokens": 501,
        "expected_output_tokens": 200,
        "window": 1000,
        "auto_fraction": 0.5,
    }


def test_tokens_are_estimated_from_bytes_and_rounded_up() -> None:
    assert estimate_tokens("", 3.0) == 0
    assert estimate_tokens("abcd", 3.0) == 2
    assert estimate_tokens("éé", 3.0) == 2
    assert estimate_tokens("\ud800", 3.0) == 1
    assert estimate_tokens(4, 3.0) == 2


@given(st.text(), st.text(), st.floats(0.5, 10))
def test_parts_never_count_less_than_their_whole(a: str, b: str, bytes_per_token: float) -> None:
    parts = estimate_tokens(a, bytes_per_token) + estimate_tokens(b, bytes_per_token)
    assert estimate_tokens(a + b, bytes_per_token) <= parts
