import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.errors import FailureKind
from rao_runtime.core.retry import RULES, GiveUp, Retry, RetryPolicy, decide

POLICY = RetryPolicy()
FAULTS = [FailureKind.SERVER, FailureKind.UNREACHABLE, FailureKind.BROKEN, FailureKind.TIMEOUT]
KINDS = st.sampled_from(FailureKind)
UNIT = st.floats(0, 1, exclude_max=True)


def test_every_kind_of_failure_has_a_rule() -> None:
    assert set(RULES) == set(FailureKind)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_tried_again_on_another_replica_until_attempts_run_out(kind: FailureKind) -> None:
    assert decide(POLICY, kind, 1, surfaced=False, u=0.0) == Retry(after_s=0.025, other_replica=True, counts=True)
    assert decide(POLICY, kind, 2, surfaced=False, u=0.0) == Retry(after_s=0.05, other_replica=True, counts=True)
    assert decide(POLICY, kind, 3, surfaced=False, u=0.0) == GiveUp("3 attempts failed")


def test_a_rejected_request_is_never_tried_again() -> None:
    assert isinstance(decide(POLICY, FailureKind.REJECTED, 1, surfaced=False, u=0.0), GiveUp)


@given(KINDS, st.integers(1, 5), UNIT)
def test_nothing_is_tried_again_once_text_was_shown(kind: FailureKind, attempt: int, u: float) -> None:
    assert isinstance(decide(POLICY, kind, attempt, surfaced=True, u=u), GiveUp)


@given(st.integers(1, 10_000))
def test_back_pressure_is_no_attempt_and_rests_the_replica(attempt: int) -> None:
    expected = Retry(after_s=0.0, other_replica=False, counts=False, busy_s=0.25)
    assert decide(POLICY, FailureKind.BUSY, attempt, surfaced=False, u=0.5) == expected


def test_a_call_that_was_not_sent_goes_elsewhere_at_once_and_is_no_attempt() -> None:
    expected = Retry(after_s=0.0, other_replica=True, counts=False)
    assert decide(POLICY, FailureKind.TIMEOUT, 3, surfaced=False, sent=False, u=0.5) == expected


@pytest.mark.parametrize(
    ("asked", "busy_s"), [(None, 0.25), (3.0, 3.0), (0.1, 0.1), (0.0, 0.05), (-1.0, 0.05), (1e9, 30)]
)
def test_a_busy_replica_rests_as_long_as_it_asks_within_reason(asked: float | None, busy_s: float) -> None:
    retry = decide(POLICY, FailureKind.BUSY, 1, surfaced=False, retry_after_s=asked, u=0.0)
    assert isinstance(retry, Retry)
    assert retry.busy_s == busy_s


@given(st.sampled_from(FAULTS), st.integers(1, 2000), UNIT)
def test_waits_stay_between_half_the_base_and_the_most(kind: FailureKind, attempt: int, u: float) -> None:
    policy = RetryPolicy(attempts=10_000, base_s=0.05, factor=3.0, max_s=2.0)
    retry = decide(policy, kind, attempt, surfaced=False, u=u)
    assert isinstance(retry, Retry)
    assert 0.025 <= retry.after_s <= 2.0


def test_the_spread_reaches_from_half_the_wait_to_all_of_it() -> None:
    policy = RetryPolicy(base_s=1.0)
    waits = [decide(policy, FailureKind.SERVER, 1, surfaced=False, u=u) for u in (0.0, 0.5, 1.0)]
    assert waits == [Retry(after_s=after_s, other_replica=True, counts=True) for after_s in (0.5, 0.75, 1.0)]


@given(UNIT, UNIT)
def test_a_later_attempt_never_waits_less_than_an_earlier_one(earlier: float, later: float) -> None:
    policy = RetryPolicy(attempts=10)
    first = decide(policy, FailureKind.SERVER, 3, surfaced=False, u=earlier)
    second = decide(policy, FailureKind.SERVER, 4, surfaced=False, u=later)
    assert isinstance(first, Retry)
    assert isinstance(second, Retry)
    assert first.after_s <= second.after_s
