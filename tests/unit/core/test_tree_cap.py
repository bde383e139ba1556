from typing import TypedDict, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.tree_cap import TreeCap

EPOCH = 1.8e9
RATE = st.none() | st.floats(0, 1)


class Figures(TypedDict, total=False):
    active: int
    preempted: int
    kv_usage: float | None
    hit_rate: float | None
    slots_busy: float


def observe(cap: TreeCap, second: float, **figures: Unpack[Figures]) -> int | None:
    """The limit after an evaluation of 40 active trees that keep all slots busy without pressure, but for `figures`."""
    cap.observe(
        EPOCH + second,
        active=figures.get("active", 40),
        preempted=figures.get("preempted", 0),
        kv_usage=figures.get("kv_usage", 0.5),
        hit_rate=figures.get("hit_rate", 0.8),
        slots_busy=figures.get("slots_busy", 1.0),
    )
    return cap.limit


def pressed(active: int = 40, floor: int = 1) -> TreeCap:
    """A cap that has just seen its first pressure, in second 0."""
    cap = TreeCap(floor=floor)
    observe(cap, 0, active=active, preempted=1)
    return cap


def test_there_is_no_cap_until_there_was_pressure() -> None:
    cap = TreeCap()
    assert all(observe(cap, second, active=second, slots_busy=0.1) is None for second in range(100))
    assert observe(cap, 100, active=40, preempted=1) == 30


def test_full_caches_alone_or_lost_hits_alone_are_no_pressure_but_both_are() -> None:
    cap = TreeCap()
    for second in range(30):
        observe(cap, second)
    assert observe(cap, 30, kv_usage=1.0) is None
    assert observe(cap, 31, hit_rate=0.2) is None
    assert observe(cap, 32, kv_usage=None, hit_rate=0.2) is None
    assert observe(cap, 33, kv_usage=0.95, hit_rate=None) is None
    assert observe(cap, 34, kv_usage=0.95, hit_rate=0.2) == 30


def test_work_that_shares_less_is_not_held_to_be_pressure_for_ever() -> None:
    cap = TreeCap()
    for second in range(60):
        observe(cap, second)
    assert observe(cap, 60, kv_usage=1.0, hit_rate=0.4) == 30
    for second in range(61, 260):
        observe(cap, second, active=20, kv_usage=1.0, hit_rate=0.4)
    assert cap.limit is None


def test_it_is_lowered_at_most_once_in_five_seconds() -> None:
    cap = pressed()
    limits = [observe(cap, second, active=40 - second, preempted=3) for second in range(1, 12)]
    assert limits == [30, 30, 30, 30, 26, 26, 26, 26, 26, 22, 22]


def test_pressure_never_raises_it() -> None:
    cap = pressed(active=40)
    assert observe(cap, 6, active=100, preempted=1) == 30


def test_it_never_falls_below_its_floor() -> None:
    assert pressed(active=0).limit == 1
    assert pressed(active=8, floor=7).limit == 7
    with pytest.raises(ValueError, match="no tree could ever run"):
        TreeCap(floor=0)


def test_it_grows_by_one_while_it_binds_and_slots_are_busy() -> None:
    cap = pressed()
    assert [observe(cap, second, active=30 + second) for second in range(1, 4)] == [31, 32, 33]
    assert observe(cap, 4, active=32) == 33


def test_it_grows_faster_while_slots_stand_idle() -> None:
    assert observe(pressed(), 1, active=30, slots_busy=0.9) == 31
    assert observe(pressed(), 1, active=30, slots_busy=0.5) == 30 + 13
    assert observe(pressed(), 1, active=30, slots_busy=0.5, kv_usage=None) == 30 + 13
    assert observe(pressed(), 1, active=30, slots_busy=0.0, kv_usage=0.0) == 30 + 28


def test_it_does_not_grow_beyond_what_the_caches_seem_to_bear() -> None:
    assert observe(pressed(), 1, active=30, slots_busy=0.5, kv_usage=0.76) == 30 + 7
    assert observe(pressed(), 1, active=30, slots_busy=0.5, kv_usage=0.94) == 31
    assert observe(pressed(), 1, active=30, slots_busy=0.5, kv_usage=1.0) == 31


def test_it_is_lifted_after_a_minute_in_which_it_did_not_bind() -> None:
    cap = pressed()
    assert [observe(cap, second, active=10) for second in range(1, 61)] == [30] * 60
    assert observe(cap, 61, active=10) is None


def test_pressure_and_binding_both_begin_the_minute_anew() -> None:
    cap = pressed()
    for second in range(1, 50):
        observe(cap, second, active=10)
    observe(cap, 50, active=30)
    for second in range(51, 100):
        observe(cap, second, active=10)
    observe(cap, 100, active=30, preempted=1)
    assert all(observe(cap, second, active=10) is not None for second in range(101, 161))
    assert observe(cap, 161, active=10) is None


@given(
    st.lists(st.tuples(st.integers(0, 200), st.sampled_from([0, 0, 0, 5]), RATE, RATE, st.floats(0, 1)), max_size=100),
    st.integers(1, 10),
)
def test_whatever_is_observed_it_moves_within_its_bounds(
    evaluations: list[tuple[int, int, float | None, float | None, float]], floor: int
) -> None:
    cap = TreeCap(floor=floor)
    lowered = -100
    for second, (active, preempted, kv_usage, hit_rate, slots_busy) in enumerate(evaluations):
        before = cap.limit
        limit = observe(
            cap,
            second,
            active=active,
            preempted=preempted,
            kv_usage=kv_usage,
            hit_rate=hit_rate,
            slots_busy=slots_busy,
        )
        if preempted and second - lowered >= 5:
            assert limit is not None
            assert limit <= max(floor, 0.75 * active)
        if limit is None:
            continue
        assert limit >= floor
        if before is None or limit < before:
            assert second - lowered >= 5
            lowered = second
        else:
            assert limit == before or (active >= before and not preempted and limit <= before + 1 + active)


@pytest.mark.parametrize("fits", [4, 20, 100])
def test_it_settles_about_the_number_of_trees_that_fit(fits: int) -> None:
    cap = TreeCap()
    active, history = 3 * fits, list[int]()
    for second in range(600):
        usage = min(1.0, active / fits)
        observe(cap, second, active=active, preempted=max(0, active - fits), kv_usage=usage, slots_busy=1.0)
        active -= active // 4
        active = max(active, 3 * fits if cap.limit is None else cap.limit)
        history.append(active)
    settled = history[100:]
    assert max(settled) <= fits + 5
    assert min(settled) >= 0.7 * fits - 1
    assert sum(settled) / len(settled) >= 0.8 * fits
