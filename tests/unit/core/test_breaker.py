from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.breaker import Breaker, counts_against
from rao_runtime.core.errors import FailureKind

EPOCH = 1.8e9
OUTCOMES = st.lists(st.tuples(st.booleans(), st.floats(0, 4)), max_size=60)


def told(outcomes: Iterable[tuple[bool, float]]) -> Breaker:
    """A breaker told of outcomes, each (well or not, when)."""
    breaker = Breaker()
    for ok, at in outcomes:
        if ok:
            breaker.succeeded(at)
        else:
            breaker.failed(at)
    return breaker


def opened(at: float = EPOCH) -> Breaker:
    breaker = told([(False, at)] * 5)
    assert breaker.is_open
    return breaker


@pytest.mark.parametrize("kind", FailureKind)
def test_only_what_the_transport_or_the_server_did_counts_against_a_replica(kind: FailureKind) -> None:
    assert counts_against(kind) == (kind not in {FailureKind.REJECTED, FailureKind.BUSY})


def test_it_opens_on_five_failures_within_ten_seconds() -> None:
    assert not told((False, EPOCH + 2.0 * n) for n in range(4)).is_open
    assert told((False, EPOCH + 2.0 * n) for n in range(5)).is_open


def test_failures_too_far_apart_do_not_open_it() -> None:
    assert not told((False, EPOCH + 2.6 * n) for n in range(100)).is_open


def test_failures_that_are_half_of_all_outcomes_do_not_open_it_and_one_more_does() -> None:
    outcomes = [(True, EPOCH), (False, EPOCH)] * 20
    assert not told(outcomes).is_open
    assert told([*outcomes, (False, EPOCH)]).is_open


def test_successes_of_long_ago_do_not_outweigh_failures_of_now() -> None:
    assert told([(True, EPOCH)] * 100 + [(False, EPOCH + 10.0)] * 5).is_open


def test_it_wants_a_trial_after_five_seconds_and_closes_when_that_goes_well() -> None:
    breaker = opened()
    assert not breaker.wants_trial(EPOCH)
    assert not breaker.wants_trial(EPOCH + 4.9)
    assert breaker.wants_trial(EPOCH + 5.0)
    assert breaker.is_open
    breaker.trial(True, EPOCH + 5.5)
    assert not breaker.is_open
    assert not breaker.wants_trial(EPOCH + 100.0)


def test_every_trial_that_fails_doubles_the_wait_up_to_a_minute() -> None:
    breaker = opened()
    now, waits = EPOCH, list[float]()
    for _ in range(6):
        start = now
        while not breaker.wants_trial(now):
            now += 1.0
        waits.append(now - start)
        breaker.trial(False, now)
        assert breaker.is_open
    assert waits == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]


def test_after_a_trial_that_went_well_it_starts_from_nothing() -> None:
    breaker = opened()
    breaker.trial(False, EPOCH + 5.0)
    breaker.trial(True, EPOCH + 15.0)
    for _ in range(4):
        breaker.failed(EPOCH + 15.0)
    assert not breaker.is_open
    breaker.failed(EPOCH + 15.0)
    assert breaker.is_open
    assert breaker.wants_trial(EPOCH + 20.0)


def test_calls_sent_before_it_opened_change_nothing_when_they_end() -> None:
    breaker = opened()
    for second in range(5):
        breaker.failed(EPOCH + second)
        breaker.succeeded(EPOCH + second)
    assert breaker.wants_trial(EPOCH + 5.0)
    breaker.trial(True, EPOCH + 5.0)
    for _ in range(4):
        breaker.failed(EPOCH + 5.0)
    assert not breaker.is_open


def test_a_trial_of_a_closed_breaker_does_not_open_it_and_five_that_fail_do() -> None:
    breaker = Breaker()
    breaker.trial(False, EPOCH)
    assert not breaker.is_open
    breaker.trial(True, EPOCH)
    assert not breaker.is_open
    for _ in range(4):
        assert not breaker.is_open
        breaker.trial(False, EPOCH)
    assert breaker.is_open


def test_a_clock_that_was_set_back_neither_keeps_it_open_nor_old_failures_in_mind() -> None:
    assert opened().wants_trial(EPOCH - 3600.0)
    breaker = told([(False, EPOCH)] * 4 + [(False, EPOCH - 3600.0)] * 4)
    assert not breaker.is_open
    breaker.failed(EPOCH - 3600.0)
    assert breaker.is_open


@given(st.lists(st.floats(0, 30), max_size=50))
def test_successes_alone_never_open_it(gaps: list[float]) -> None:
    now = EPOCH
    breaker = Breaker()
    for gap in gaps:
        now += gap
        breaker.succeeded(now)
        assert not breaker.is_open


@given(OUTCOMES)
def test_it_opens_at_the_first_failure_that_is_one_of_too_many(outcomes: list[tuple[bool, float]]) -> None:
    breaker = Breaker()
    seen = list[tuple[bool, int]]()
    now = EPOCH
    for ok, gap in outcomes:
        now += gap
        seen.append((ok, int(now)))
        if ok:
            breaker.succeeded(now)
            continue
        breaker.failed(now)
        recent = [was_ok for was_ok, second in seen if second > int(now) - 10]
        failures = recent.count(False)
        assert breaker.is_open == (failures >= 5 and failures > len(recent) / 2)
        if breaker.is_open:
            return
