"""Which trees are traced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.telemetry.otel_variables import SamplerName
from rao_runtime.telemetry.sampling import sampler

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
KEPT, LEFT = f"00-{TRACE}-00f067aa0ba902b7-01", f"00-{TRACE}-00f067aa0ba902b7-00"


@pytest.mark.parametrize(
    ("name", "alone", "kept", "left"),
    [
        (SamplerName.ALWAYS_ON, True, True, True),
        (SamplerName.ALWAYS_OFF, False, False, False),
        (SamplerName.PARENT_ALWAYS_ON, True, True, False),
        (SamplerName.PARENT_ALWAYS_OFF, False, True, False),
        (SamplerName.PARENT_RATIO, False, True, False),
        (SamplerName.RATIO, False, False, False),
    ],
)
def test_a_caller_that_decided_is_followed_where_the_sampler_follows(
    name: SamplerName, *, alone: bool, kept: bool, left: bool
) -> None:
    sampled = sampler(name, 0.0)
    assert (sampled(TRACE, None), sampled(TRACE, KEPT), sampled(TRACE, LEFT)) == (alone, kept, left)


@given(st.integers(1, (1 << 128) - 1))
def test_a_share_of_one_is_all_and_one_of_nothing_none(number: int) -> None:
    trace = f"{number:032x}"
    assert sampler(SamplerName.PARENT_RATIO, 1.0)(trace, None)
    assert not sampler(SamplerName.PARENT_RATIO, 0.0)(trace, None)


def test_a_share_keeps_about_that_many_the_same_ones_each_time() -> None:
    traces = [f"{number * 0x9E3779B97F4A7C15 % (1 << 64):032x}" for number in range(1, 2_001)]
    kept = [trace for trace in traces if sampler(SamplerName.RATIO, 0.25)(trace, None)]
    assert 400 < len(kept) < 600
    assert kept == [trace for trace in traces if sampler(SamplerName.RATIO, 0.25)(trace, KEPT)]
