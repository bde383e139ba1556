"""How much a turn may write, and when it is the last."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.limits import Reason
from rao_runtime.core.turn_plan import MIN_OBSERVATION_TOKENS, TurnPlan, least_completion, observation_tokens, plan_turn

windows = st.integers(200, 40_000)
wanteds = st.integers(1, 4_000)


def test_without_a_window_only_turns_run_out() -> None:
    plans = [plan_turn(turn=n, max_turns=3, window=None, prompt_tokens=10**9, wanted=500) for n in range(4)]
    assert plans == [TurnPlan(500, None), TurnPlan(500, None), TurnPlan(500, Reason.TURNS), Reason.TURNS]


@pytest.mark.parametrize(
    ("prompt_tokens", "plan"),
    [
        (0, TurnPlan(500, None)),
        (1_300, TurnPlan(386, None)),
        (1_400, TurnPlan(286, None)),
        (1_440, TurnPlan(500, Reason.WINDOW)),
        (1_750, TurnPlan(250, Reason.WINDOW)),
        (1_751, Reason.WINDOW),
        (9_999, Reason.WINDOW),
    ],
)
def test_a_window_of_2000_fills_up(prompt_tokens: int, plan: TurnPlan | Reason) -> None:
    assert plan_turn(turn=0, max_turns=9, window=2_000, prompt_tokens=prompt_tokens, wanted=500) == plan


def test_when_both_run_out_the_turns_are_named() -> None:
    plan = plan_turn(turn=8, max_turns=9, window=2_000, prompt_tokens=1_600, wanted=500)
    assert plan == TurnPlan(400, Reason.TURNS)


@given(window=windows, prompt=st.integers(0, 40_000), wanted=wanteds)
def test_prompt_and_completion_always_fit_the_window(window: int, prompt: int, wanted: int) -> None:
    plan = plan_turn(turn=0, max_turns=9, window=window, prompt_tokens=prompt, wanted=wanted)
    if isinstance(plan, TurnPlan):
        assert 1 <= plan.max_tokens <= wanted
        assert prompt + plan.max_tokens <= window
    else:
        assert prompt + least_completion(window, wanted) > window


@given(window=windows, prompt=st.integers(0, 40_000), wanted=wanteds, cap=st.integers(64, 9_000))
def test_after_a_turn_that_is_not_the_last_there_is_always_another(
    window: int, prompt: int, wanted: int, cap: int
) -> None:
    plan = plan_turn(turn=0, max_turns=9, window=window, prompt_tokens=prompt, wanted=wanted)
    if isinstance(plan, TurnPlan) and plan.last is None:
        written = prompt + plan.max_tokens
        seen = observation_tokens(window=window, prompt_tokens=written, wanted=wanted, cap=cap)
        assert MIN_OBSERVATION_TOKENS <= seen <= cap
        after = plan_turn(turn=1, max_turns=9, window=window, prompt_tokens=written + seen, wanted=wanted)
        assert isinstance(after, TurnPlan)


def test_without_a_window_an_observation_may_take_its_cap() -> None:
    assert observation_tokens(window=None, prompt_tokens=10**9, wanted=500, cap=777) == 777
