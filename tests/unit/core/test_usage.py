from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.usage import Tokens, Usage

COUNTS = st.integers(0, 10**9)
TOKENS = st.builds(Tokens, input=COUNTS, cached=COUNTS, output=COUNTS)
USAGES = st.builds(
    Usage,
    calls=COUNTS,
    input_tokens=COUNTS,
    cached_tokens=COUNTS,
    output_tokens=COUNTS,
    wasted_tokens=COUNTS,
    estimated=st.booleans(),
)


@given(USAGES, USAGES, USAGES)
def test_usage_adds_up_in_any_order(a: Usage, b: Usage, c: Usage) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Usage() == a


@given(USAGES, USAGES)
def test_a_sum_is_estimated_as_soon_as_a_part_is(a: Usage, b: Usage) -> None:
    assert (a + b).estimated == (a.estimated or b.estimated)
    assert (a + b).total_tokens == a.total_tokens + b.total_tokens


@given(TOKENS)
def test_an_attempt_counts_as_one_call_with_all_its_tokens(tokens: Tokens) -> None:
    usage = Usage.of(tokens)
    assert usage.calls == 1
    assert usage.total_tokens == tokens.total == tokens.input + tokens.output
    assert usage.wasted_tokens == 0
    assert not usage.estimated


@given(TOKENS)
def test_a_wasted_attempt_counts_in_the_total_and_as_waste(tokens: Tokens) -> None:
    wasted = Usage.of(tokens, wasted=True, estimated=True)
    assert wasted.total_tokens == wasted.wasted_tokens == tokens.total
    assert wasted.estimated


def test_the_wire_form_is_that_of_the_contract() -> None:
    usage = Usage.of(Tokens(input=9, cached=6, output=2)) + Usage.of(Tokens(input=1, output=1), wasted=True)
    assert usage.as_dict() == {
        "calls": 2,
        "input_tokens": 10,
        "cached_tokens": 6,
        "output_tokens": 3,
        "wasted_tokens": 2,
        "estimated": False,
    }
