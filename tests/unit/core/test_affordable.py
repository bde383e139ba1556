"""How long a completion the budget still affords."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.affordable import LEAST_COMPLETION, affordable_completion
from rao_runtime.core.budget import Remaining
from rao_runtime.core.pricing import Price
from rao_runtime.core.usage import Tokens

PRICE = Price(input=Decimal(1), output=Decimal(4), cached_input=Decimal("0.5"), version="v")


def left(tokens: int, cost: Decimal | None = None) -> Remaining:
    return Remaining(nodes=0, tokens=tokens, cost=cost)


def test_tokens_bound_it() -> None:
    assert affordable_completion(left(1_500), None, 1_000, 2_000) == 500
    assert affordable_completion(left(9_999), None, 1_000, 2_000) == 2_000


def test_money_bounds_it_where_it_is_capped() -> None:
    cost = PRICE.cost(Tokens(input=1_000, output=300))
    assert affordable_completion(left(10**6, cost), PRICE, 1_000, 2_000) == 300
    assert affordable_completion(left(10**6, None), PRICE, 1_000, 2_000) == 2_000


def test_what_is_too_short_to_finish_in_is_not_worth_asking() -> None:
    assert affordable_completion(left(1_000 + LEAST_COMPLETION), None, 1_000, 2_000) == LEAST_COMPLETION
    assert affordable_completion(left(1_000 + LEAST_COMPLETION - 1), None, 1_000, 2_000) is None
    assert affordable_completion(left(1_010), None, 1_000, 10) == 10
    assert affordable_completion(left(10), None, 1_000, 10) is None


def test_a_free_output_costs_nothing() -> None:
    free = Price(input=Decimal(1), output=Decimal(0), cached_input=Decimal(1), version="v")
    assert affordable_completion(left(10**6, Decimal(1)), free, 1_000, 500) == 500


@given(
    tokens=st.integers(0, 5_000), cents=st.integers(0, 100), prompt=st.integers(0, 4_000), wanted=st.integers(1, 3_000)
)
def test_it_never_costs_more_than_is_left(tokens: int, cents: int, prompt: int, wanted: int) -> None:
    cost = Decimal(cents) / 10_000
    found = affordable_completion(left(tokens, cost), PRICE, prompt, wanted)
    if found is not None:
        assert prompt + found <= tokens
        assert PRICE.cost(Tokens(input=prompt, output=found)) <= cost
