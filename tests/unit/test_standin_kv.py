"""The stand-in's KV scheduler, case by case."""

from dataclasses import replace
from math import inf

import pytest

from rao_runtime.standin.decisions import Admitted, Decision, Demand, Grown, KvLimits, Preempted, Ready
from rao_runtime.standin.kv import KvScheduler
from tests.unit.kv_world import names_of

SIZE = 4
LIMITS = KvLimits(blocks=100, block_size=SIZE, slots=8, step_tokens=10, tokens_per_s=10.0)
INSTANT = replace(LIMITS, tokens_per_s=inf, step_tokens=1000)
A, B, C = (0, 1), (0, 2), (0, 3)


def _demand(key: tuple[int, int], prompt: list[int], text: list[int] | None = None) -> Demand:
    return Demand(key, len(prompt), names_of([*prompt, *(text or [])], SIZE))


def _fresh(key: tuple[int, int], prompt_tokens: int, text_tokens: int = 0) -> Demand:
    """A demand that shares nothing with any other."""
    return _demand(key, [key[1]] * prompt_tokens, [key[1]] * text_tokens)


def test_a_prompt_is_read_in_steps_at_the_rate() -> None:
    scheduler = KvScheduler(LIMITS)
    assert scheduler.arrive(_fresh(A, 25), 100.0) == (Admitted(A, 0),)
    told: list[Decision] = []
    ends: list[float] = []
    while scheduler.wake_s is not None:
        ends.append(scheduler.wake_s)
        told += scheduler.tick(ends[-1])
    assert ends == [101.0, 102.0, 102.5]
    assert told == [Ready(A, 102.5)]


def test_a_step_is_shared_in_the_order_of_admission_and_what_is_left_of_it_lets_the_next_in() -> None:
    scheduler = KvScheduler(LIMITS)
    scheduler.arrive(_fresh(A, 14), 0.0)
    assert scheduler.arrive(_fresh(B, 10), 0.5) == ()
    assert scheduler.tick(1.0) == (Admitted(B, 0),)
    assert scheduler.tick(2.0) == (Ready(A, 2.0),)
    assert scheduler.tick(9.0) == (Ready(B, 2.4),)


def test_a_late_call_ends_every_step_at_its_own_time() -> None:
    scheduler = KvScheduler(LIMITS)
    scheduler.arrive(_fresh(A, 25), 0.0)
    scheduler.arrive(_fresh(B, 5), 0.1)
    assert scheduler.tick(60.0) == (Admitted(B, 0), Ready(A, 3.0), Ready(B, 3.0))


def test_a_sibling_finds_the_shared_prefix_while_the_first_still_reads_it() -> None:
    scheduler = KvScheduler(LIMITS)
    scheduler.arrive(_demand(A, [7] * 16 + [1] * 2), 0.0)
    scheduler.arrive(_demand(B, [7] * 16 + [2] * 2), 0.0)
    assert scheduler.tick(1.0) == (Admitted(B, 16),)
    # What both have in common is held once.
    assert scheduler.used_blocks == 4 + 1 + 1


def test_the_last_token_of_a_prompt_is_always_read() -> None:
    scheduler = KvScheduler(INSTANT)
    scheduler.arrive(_demand(A, [7] * 16), 0.0)
    scheduler.leave(A, 0.0)
    assert scheduler.arrive(_demand(B, [7] * 16), 0.0) == (Admitted(B, 12), Ready(B, 0.0))


def test_what_was_written_is_cached_for_the_next_turn() -> None:
    scheduler = KvScheduler(INSTANT)
    scheduler.arrive(_demand(A, [7] * 8, [5] * 8), 0.0)
    scheduler.grow(A, 8, 0.0)
    scheduler.leave(A, 0.0)
    assert scheduler.arrive(_demand(B, [7] * 8 + [5] * 8 + [6] * 3), 0.0)[0] == Admitted(B, 16)


def test_lower_priority_values_go_first_and_equals_in_order_of_arrival() -> None:
    scheduler = KvScheduler(replace(INSTANT, slots=1))
    scheduler.arrive(_fresh((0, 0), 4), 0.0)
    for key in ((5, 1), (-3, 2), (0, 3), (0, 4)):
        scheduler.arrive(_fresh(key, 4), 0.0)
    order = [(0, 0)]
    while scheduler.waiting:
        told = scheduler.leave(order[-1], 0.0)
        order += [decision.key for decision in told if isinstance(decision, Admitted)]
    assert order[1:] == [(-3, 2), (0, 3), (0, 4), (5, 1)]


def test_a_waiting_request_never_displaces_a_running_one() -> None:
    scheduler = KvScheduler(replace(INSTANT, blocks=4))
    scheduler.arrive(_fresh((9, 1), 12), 0.0)
    assert scheduler.arrive(_fresh((-9, 2), 8), 0.0) == ()


def test_the_first_in_the_queue_holds_up_those_behind_it() -> None:
    scheduler = KvScheduler(replace(INSTANT, blocks=4))
    scheduler.arrive(_fresh(A, 8), 0.0)
    assert scheduler.arrive(_fresh(B, 12), 0.0) == ()
    assert scheduler.arrive(_fresh(C, 4), 0.0) == ()
    told = scheduler.leave(A, 0.0)
    assert [decision.key for decision in told if isinstance(decision, Admitted)] == [B, C]


def test_who_needs_a_block_takes_it_from_the_last_in_the_order_who_reads_again_what_is_gone() -> None:
    scheduler = KvScheduler(replace(INSTANT, blocks=6))
    scheduler.arrive(_fresh(A, 8, 4), 0.0)
    scheduler.arrive(_fresh(B, 12, 4), 0.0)
    scheduler.arrive(_fresh(C, 4), 0.0)
    assert scheduler.grow(B, 4, 1.0) == (Preempted(C), Grown(B))
    assert scheduler.grow(A, 4, 2.0) == (Preempted(B), Grown(A))
    assert scheduler.leave(A, 3.0) == (Admitted(B, 12), Admitted(C, 0), Ready(B, 3.0), Ready(C, 3.0))


def test_the_last_in_the_order_goes_itself_and_comes_back_only_when_there_is_room_for_its_growth() -> None:
    scheduler = KvScheduler(replace(INSTANT, blocks=4))
    scheduler.arrive(_fresh(A, 8), 0.0)
    scheduler.arrive(_fresh(B, 8, 4), 0.0)
    assert scheduler.grow(B, 4, 1.0) == (Preempted(B),)
    assert scheduler.tick(2.0) == ()
    assert scheduler.leave(A, 3.0) == (Admitted(B, 4), Ready(B, 3.0))
    assert scheduler.grow(B, 4, 4.0) == (Grown(B),)


def test_a_late_comer_with_a_lower_value_keeps_its_blocks_before_an_early_one_with_a_higher() -> None:
    scheduler = KvScheduler(replace(INSTANT, blocks=4))
    scheduler.arrive(_fresh((5, 1), 8), 0.0)
    scheduler.arrive(_fresh((0, 2), 8, 4), 0.0)
    assert scheduler.grow((0, 2), 4, 1.0) == (Preempted((5, 1)), Grown((0, 2)))


def test_a_prompt_may_lose_its_blocks_while_it_is_read() -> None:
    scheduler = KvScheduler(replace(LIMITS, blocks=4))
    scheduler.arrive(_fresh(A, 8, 8), 0.0)
    scheduler.arrive(_fresh(B, 8), 0.0)
    assert scheduler.tick(0.8) == (Ready(A, 0.8), Admitted(B, 0))
    assert scheduler.grow(A, 4, 1.0) == (Preempted(B), Grown(A))
    assert scheduler.tick(5.0) == ()
    # Its first block was never read to the end, but is in the cache, as in vLLM.
    assert scheduler.leave(A, 6.0) == (Admitted(B, 4),)
    assert scheduler.tick(7.0) == (Ready(B, 6.4),)


def test_nothing_is_produced_before_the_prompt_is_read() -> None:
    scheduler = KvScheduler(LIMITS)
    scheduler.arrive(_fresh(A, 25, 4), 0.0)
    assert scheduler.grow(A, 4, 0.5) == ()
    assert scheduler.tick(2.5) == (Ready(A, 2.5),)
    assert scheduler.grow(A, 4, 2.5) == (Grown(A),)


def test_a_client_that_leaves_in_the_middle_of_a_step_is_out_of_it() -> None:
    scheduler = KvScheduler(LIMITS)
    scheduler.arrive(_fresh(A, 30), 0.0)
    assert scheduler.leave(A, 0.5) == ()
    assert scheduler.used_blocks == 0
    assert scheduler.tick(1.0) == ()
    assert scheduler.wake_s is None


def test_other_limits_may_come_at_run_time_but_not_other_blocks() -> None:
    scheduler = KvScheduler(replace(INSTANT, slots=1))
    scheduler.arrive(_fresh(A, 4), 0.0)
    scheduler.arrive(_fresh(B, 4), 0.0)
    assert scheduler.resize(INSTANT, 1.0) == (Admitted(B, 0), Ready(B, 1.0))
    with pytest.raises(ValueError, match="do not change"):
        scheduler.resize(replace(INSTANT, blocks=1), 1.0)
