from typing import TypedDict, Unpack

from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.progress import ProgressWatch

EPOCH = 1.8e9


class Seen(TypedDict, total=False):
    running: int | None
    generated: int | None
    prompt: int | None
    own: int


def observe(watch: ProgressWatch, after_s: float, **seen: Unpack[Seen]) -> bool:
    """One observation of a replica that runs two calls and stands still, but for what is `seen`."""
    return watch.observe(
        EPOCH + after_s,
        running=seen.get("running", 2),
        generated_tokens=seen.get("generated", 100),
        prompt_tokens=seen.get("prompt", 500),
        own_in_flight=seen.get("own", 2),
    )


def first_suspicion(watch: ProgressWatch, from_s: int, **seen: Unpack[Seen]) -> int | None:
    """The second of a minute at which a replica that stands still from `from_s` on becomes suspect."""
    return next((second for second in range(from_s, from_s + 60) if observe(watch, second, **seen)), None)


def test_a_replica_that_runs_calls_and_stands_still_for_ten_seconds_is_suspect() -> None:
    assert first_suspicion(ProgressWatch(), 0) == 10


def test_it_stays_suspect_until_it_moves() -> None:
    watch = ProgressWatch()
    assert first_suspicion(watch, 0) == 10
    assert observe(watch, 11)
    assert not observe(watch, 12, generated=101)
    assert first_suspicion(watch, 13, generated=101) == 22


def test_generated_tokens_or_prompt_tokens_are_progress() -> None:
    watch = ProgressWatch()
    assert not any(observe(watch, second, generated=100 + second) for second in range(60))
    assert not any(observe(watch, second, generated=159, prompt=500 + second) for second in range(60, 120))


def test_a_replica_without_calls_is_never_suspect() -> None:
    assert first_suspicion(ProgressWatch(), 0, running=0, own=0) is None


def test_calls_that_start_after_a_long_rest_have_their_ten_seconds() -> None:
    watch = ProgressWatch()
    assert first_suspicion(watch, 0, running=0, own=0) is None
    assert first_suspicion(watch, 60) == 70


def test_own_calls_count_where_the_replica_does_not_tell_what_runs_and_only_there() -> None:
    assert first_suspicion(ProgressWatch(), 0, running=None, own=1) == 10
    assert first_suspicion(ProgressWatch(), 0, running=None, own=0) is None


def test_a_replica_that_has_calls_and_says_that_none_runs_is_suspect() -> None:
    assert first_suspicion(ProgressWatch(), 0, running=0, own=1) == 10


def test_nothing_is_suspected_by_counters_that_are_not_told() -> None:
    assert first_suspicion(ProgressWatch(), 0, generated=None, prompt=None) is None
    assert first_suspicion(ProgressWatch(), 0, generated=None) is None
    assert first_suspicion(ProgressWatch(), 0, prompt=None) == 10


def test_a_counter_that_falls_begins_anew() -> None:
    watch = ProgressWatch()
    assert not any(observe(watch, second) for second in range(9))
    assert first_suspicion(watch, 9, generated=0, prompt=0) == 19


def test_a_reset_gives_another_ten_seconds() -> None:
    watch = ProgressWatch()
    assert first_suspicion(watch, 0) == 10
    watch.reset()
    assert first_suspicion(watch, 11) == 21


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.floats(0.1, 9.9)), max_size=60))
def test_it_is_suspect_exactly_when_it_ran_and_stood_still_for_ten_seconds(
    steps: list[tuple[int, bool, float]],
) -> None:
    watch = ProgressWatch()
    now, generated, since = EPOCH, 0, None
    for running, moves, after in steps:
        now += after
        generated += moves
        suspect = watch.observe(
            now, running=running, generated_tokens=generated, prompt_tokens=None, own_in_flight=running
        )
        if running == 0:
            since = None
        elif moves or since is None:
            since = now
        assert suspect == (since is not None and now - since >= 10.0)
