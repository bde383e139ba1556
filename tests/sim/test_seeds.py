"""Hundreds of worlds, each from one seed: whatever happens in them, every invariant holds.

`python -m tests.sim --seeds 0..5000` runs more of them, `--shuffle` with the order of ready callbacks drawn as well.
"""

import pytest

from tests.sim.explore import run_seed


@pytest.mark.parametrize("seed", range(200))
def test_every_invariant_holds_in_the_world_of_this_seed(seed: int) -> None:
    run_seed(seed)


@pytest.mark.parametrize("seed", range(2_000, 2_150))
def test_every_invariant_holds_though_the_process_dies_again_and_again(seed: int) -> None:
    run_seed(seed, deaths=True)


@pytest.mark.parametrize("seed", range(4_000, 4_060))
def test_every_invariant_holds_though_one_attempt_in_ten_fails_and_the_process_dies(seed: int) -> None:
    run_seed(seed, deaths=seed % 2 == 1, failing=True)


@pytest.mark.parametrize("seed", range(5_000, 5_060))
def test_every_invariant_holds_though_kv_caches_are_small_and_the_process_dies(seed: int) -> None:
    run_seed(seed, deaths=seed % 2 == 1, scarce=True)


def test_small_kv_caches_make_calls_wait_that_have_a_slot() -> None:
    assert sum(run_seed(seed, scarce=True).without_kv for seed in range(5_000, 5_010)) > 0


@pytest.mark.parametrize("seed", range(3_000, 3_040))
def test_every_invariant_holds_in_any_order_of_callbacks_though_the_process_dies(seed: int) -> None:
    run_seed(seed, shuffle=True, deaths=True)


@pytest.mark.parametrize("seed", range(1_000, 1_040))
def test_every_invariant_holds_whatever_order_callbacks_run_in(seed: int) -> None:
    run_seed(seed, shuffle=True)
