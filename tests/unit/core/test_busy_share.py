"""A replica's busy time is divided among what it worked on, and no second of it twice or never."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.busy_share import BusyShares

# Microseconds of a day.
SPANS = st.tuples(st.integers(0, 86_400 * 10**6), st.integers(0, 3_600 * 10**6)).map(lambda s: (s[0], s[0] + s[1]))


def shares_of(spans: Sequence[tuple[int, int]]) -> list[float]:
    """What each of these was given; times in microseconds since some second of this century."""
    clock, entered, given_s = BusyShares(), dict[int, float](), dict[int, float]()
    changes = sorted(
        [(start, 0, each) for each, (start, _) in enumerate(spans)]
        + [(end, 1, each) for each, (_, end) in enumerate(spans)]
    )
    for at, leaves, each in changes:
        now = 1_795_255_200 + at / 10**6
        if leaves:
            given_s[each] = clock.leave(now, entered[each])
        else:
            entered[each] = clock.enter(now)
    return [given_s[each] for each in range(len(spans))]


def exact_shares(spans: Sequence[tuple[int, int]]) -> list[Fraction]:
    """The same, moment by moment, as it is defined."""
    given_s = [Fraction(0)] * len(spans)
    edges = sorted({edge for span in spans for edge in span})
    for begin, end in pairwise(edges):
        here = [each for each, (start, stop) in enumerate(spans) if start <= begin and end <= stop]
        for each in here:
            given_s[each] += Fraction(end - begin, 10**6) / len(here)
    return given_s


@given(st.lists(SPANS, max_size=30))
def test_each_is_given_its_part_of_every_moment_and_together_they_have_the_busy_time(
    spans: list[tuple[int, int]],
) -> None:
    exact = exact_shares(spans)
    assert shares_of(spans) == pytest.approx([float(share) for share in exact], abs=1e-5)
    edges = sorted({edge for span in spans for edge in span})
    busy_us = sum(
        end - begin for begin, end in pairwise(edges) if any(start <= begin and end <= stop for start, stop in spans)
    )
    assert sum(exact) == Fraction(busy_us, 10**6)


def test_one_alone_has_all_the_time_and_two_have_half_of_it_each() -> None:
    clock = BusyShares()
    first = clock.enter(100.0)
    second = clock.enter(110.0)
    assert clock.leave(130.0, first) == 10.0 + 10.0
    assert clock.leave(135.0, second) == 10.0 + 5.0


def test_idle_time_is_nobodys() -> None:
    clock = BusyShares()
    clock.leave(1.0, clock.enter(0.0))
    late = clock.enter(1_000.0)
    assert clock.leave(1_002.0, late) == 2.0


def test_a_clock_that_is_set_back_takes_nothing_away() -> None:
    clock = BusyShares()
    entered = clock.enter(100.0)
    other = clock.enter(90.0)
    assert clock.leave(92.0, other) == 1.0
    assert clock.leave(93.0, entered) == 2.0
