"""The benchmark of placement, in a run of a second."""

import pytest

from benchmarks.placement_decision import Extent, choices_us
from rao_runtime.core.affinity import Affinity
from rao_runtime.core.placement import LeastInFlight, Placement

# Many times what two replicas' caches hold: a call whose end is not told would fill them long before the last one.
SHORT = Extent(replicas=2, warm_up=1_000, decisions=200)


@pytest.mark.parametrize("placement", [Affinity(), LeastInFlight()], ids=["affinity", "least"])
def test_a_benchmark_that_tells_of_every_end_finds_room_for_every_call(placement: Placement) -> None:
    took_us, held = choices_us(placement, SHORT)
    assert len(took_us) == SHORT.decisions
    assert 0 <= held < 1
