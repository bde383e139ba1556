"""How soon a replica that ended is started again."""

from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.restart import RestartPolicy, after_end

POLICY = RestartPolicy()
LATEST = 1 - 1e-9

runs = st.lists(st.tuples(st.floats(0, 10_000), st.floats(0, 1, exclude_max=True)), min_size=1, max_size=300)


def waits(count: int, *, u: float) -> list[float]:
    """After each of so many runs that ended at once."""
    found, short = list[float](), 0
    for _ in range(count):
        restart = after_end(POLICY, short, ran_s=0.5, u=u)
        found.append(restart.after_s)
        short = restart.short_runs
    return found


def test_waits_double_from_one_second_to_a_minute() -> None:
    assert [round(wait) for wait in waits(9, u=LATEST)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_chance_shortens_a_wait_by_half_at_most() -> None:
    assert waits(8, u=0.0) == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_run_of_two_minutes_starts_the_waits_over() -> None:
    restart = after_end(POLICY, 9, ran_s=120.0, u=LATEST)
    assert (round(restart.after_s), restart.short_runs) == (1, 0)
    assert after_end(POLICY, 9, ran_s=119.9, u=0.0).short_runs == 10


@given(runs)
def test_it_is_always_tried_again_within_bounds(ended: list[tuple[float, float]]) -> None:
    short = 0
    for ran_s, u in ended:
        restart = after_end(POLICY, short, ran_s=ran_s, u=u)
        assert POLICY.base_s / 2 <= restart.after_s <= POLICY.max_s
        assert restart.short_runs in {0, short + 1}
        short = restart.short_runs


def test_a_row_of_any_length_is_no_trouble() -> None:
    assert after_end(POLICY, 10**9, ran_s=0.0, u=0.0).after_s == 30.0
