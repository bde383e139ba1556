"""Two hundred kills: every tree ends as it should, and nothing that had finished is asked or paid for again.

`python -m tests.chaos --seed N` runs one of these alone, `--seeds 0..50` more of them.
"""

from collections.abc import Callable

import pytest

from tests.chaos.conftest import RUN
from tests.chaos.run import SIGNALS_PER_SEED, run_seed
from tests.chaos.scenario import Blow, draw_scenario

SEEDS = 10
KILLS = 200


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_no_kill_makes_a_tree_lose_or_repeat_what_it_has_done(
    seed: int, record_property: Callable[[str, object], None]
) -> None:
    report = await run_seed(seed)
    record_property(RUN, str(report))
    assert report.repeated == 0
    assert report.kills * SEEDS >= KILLS
    assert min(report.trees_hit) > 0
    # A store that is gone already has its server killed instead: that must not have been so every time.
    drawn = [kill.blow for kill in draw_scenario(seed, SIGNALS_PER_SEED).kills]
    assert report.blows.get(Blow.STORE, 0) > 0 or Blow.STORE not in drawn


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_seed_always_draws_the_same_kills_and_trees(seed: int) -> None:
    drawn, again = draw_scenario(seed, SIGNALS_PER_SEED), draw_scenario(seed, SIGNALS_PER_SEED)
    assert drawn == again
    assert [drawn.tree(index) for index in range(20)] == [again.tree(index) for index in range(20)]
    assert sum(kill.blow.signals for kill in drawn.kills) == SIGNALS_PER_SEED
