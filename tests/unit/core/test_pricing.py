from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.pricing import Price
from rao_runtime.core.usage import Tokens

AMOUNTS = st.decimals(0, 1000, places=6)
PRICES = st.builds(Price, input=AMOUNTS, output=AMOUNTS, cached_input=AMOUNTS, version=st.just("v1"))
TOKENS = st.integers(0, 10**7).flatmap(
    lambda count: st.builds(Tokens, input=st.just(count), cached=st.integers(0, count), output=st.integers(0, 10**7))
)


def test_fresh_cached_and_written_tokens_have_their_own_prices() -> None:
    price = Price(input=Decimal(2), cached_input=Decimal("0.5"), output=Decimal(8), version="2026-11")
    assert price.cost(Tokens(input=1_000_000)) == Decimal(2)
    assert price.cost(Tokens(input=1_000_000, cached=1_000_000)) == Decimal("0.5")
    assert price.cost(Tokens(output=1_000_000)) == Decimal(8)
    assert price.cost(Tokens(input=3, cached=1, output=2)) == Decimal("0.0000205")


@given(PRICES, st.lists(TOKENS, max_size=20))
def test_the_sum_of_the_amounts_is_the_amount_of_the_sum(price: Price, attempts: list[Tokens]) -> None:
    together = Tokens(
        input=sum(tokens.input for tokens in attempts),
        cached=sum(tokens.cached for tokens in attempts),
        output=sum(tokens.output for tokens in attempts),
    )
    assert sum((price.cost(tokens) for tokens in attempts), Decimal(0)) == price.cost(together)


@given(PRICES, TOKENS)
def test_no_amount_is_negative(price: Price, tokens: Tokens) -> None:
    assert price.cost(tokens) >= 0
