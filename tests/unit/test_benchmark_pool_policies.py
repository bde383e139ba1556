"""What the benchmark of placement and order makes of its runs: which it judges, and how long they may take."""

from dataclasses import replace

import pytest

from benchmarks.forest_world import RUN_S, Run
from benchmarks.forests import SCARCE
from benchmarks.pool_policies import BARS, OURS, POLICIES, Comparison, Extent, rows

RUN = Run(
    tree_s=[1.0, 2.0],
    makespan_s=2.0,
    calls=4,
    prompt_tokens=100,
    cached_tokens=80,
    completion_tokens=20,
    preemptions=0,
    waited_s=0.1,
    server_busy=0.1,
    children_busy=0.1,
    stand_in_busy=0.1,
    told={},
)
FOUND = Comparison(
    scenario=SCARCE,
    runs={policy: [RUN if policy == OURS else replace(RUN, tree_s=[3.0, 4.0])] for policy in POLICIES},
    floor_mean_s=1.0,
    floor_makespan_s=1.0,
)


def test_forests_of_full_size_are_held_against_their_bars() -> None:
    assert [row.bar for row in rows(FOUND, Extent()) if row.bar is not None] == [*BARS[SCARCE.name], 1]


@pytest.mark.parametrize("extent", [Extent(trees=10), Extent(prompt="nano")], ids=["fewer trees", "another prompt"])
def test_a_forest_that_the_bars_are_not_for_is_only_told(extent: Extent) -> None:
    assert [row.value for row in rows(FOUND, extent)] == [row.value for row in rows(FOUND, Extent())]
    assert all(row.met is None for row in rows(FOUND, extent))


def test_a_long_comparison_may_take_as_long_as_all_of_its_forests() -> None:
    long = Extent(scenarios=[SCARCE], seeds=range(6), time_scale=0.5)
    assert long.longest_s >= 6 * len(POLICIES) * RUN_S
