"""From tokens and GPU-seconds to money, exactly."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.pricing import GpuPrice, Price, Sheet, amount, from_pico, in_pico, sheet_from, why_no_cap
from rao_runtime.core.profile import Profile
from rao_runtime.core.usage import Tokens

AMOUNTS = st.decimals(0, 1_000_000, places=6)
PRICES = st.builds(Price, input=AMOUNTS, output=AMOUNTS, cached_input=AMOUNTS, version=st.text(min_size=1))
GPU_PRICES = st.builds(GpuPrice, gpu_second=AMOUNTS, gpus=st.integers(1, 1024), version=st.text(min_size=1))
TOKENS = st.integers(0, 10**9).flatmap(
    lambda count: st.builds(Tokens, input=st.just(count), cached=st.integers(0, count), output=st.integers(0, 10**9))
)
NOTHING = Tokens()


def sheet(version: str, since: float | None = None) -> Price:
    return Price(input=Decimal(1), output=Decimal(1), cached_input=Decimal(1), version=version, since=since)


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
def test_what_tokens_cost_is_a_whole_number_of_picodollars_and_not_negative(price: Price, tokens: Tokens) -> None:
    cost = price.cost(tokens)
    assert cost == from_pico(in_pico(cost)) >= 0


@given(GPU_PRICES, st.floats(0, 10**6))
def test_what_gpu_seconds_cost_is_their_number_times_the_price_without_any_rounding(
    price: GpuPrice, share_s: float
) -> None:
    gpu_s = price.gpu_s(share_s)
    cost = price.cost(NOTHING, gpu_s)
    assert cost == from_pico(round(gpu_s * 1_000_000) * int(price.gpu_second * 1_000_000))


def test_a_gpu_second_is_paid_for_each_gpu_and_tokens_cost_nothing_beside_it() -> None:
    price = GpuPrice(gpu_second=Decimal("0.0005"), gpus=4, version="v")
    assert price.gpu_s(2.5) == 10.0
    assert price.cost(Tokens(input=10**9, output=10**9), 10.0) == Decimal("0.005")


def test_seconds_with_more_decimals_are_rounded_half_even_to_picodollars() -> None:
    price = GpuPrice(gpu_second=Decimal("0.000001"), version="v")
    assert [price.cost(NOTHING, gpu_s) for gpu_s in (0.0000005, 0.0000015)] == [Decimal(0), Decimal("2e-12")]


@given(st.integers(-(10**40), 10**40))
def test_picodollars_there_and_back_are_the_same(count: int) -> None:
    assert in_pico(from_pico(count)) == count


@pytest.mark.parametrize(
    ("cost", "text"),
    [("0", "0"), ("1.50", "1.5"), ("0.001873", "0.001873"), ("1E-9", "0.000000001"), ("1E+3", "1000"), ("100", "100")],
)
def test_money_is_a_plain_decimal_without_an_exponent(cost: str, text: str) -> None:
    assert amount(Decimal(cost)) == text


@given(PRICES | GPU_PRICES)
def test_a_journaled_sheet_is_read_as_it_was(price: Sheet) -> None:
    assert sheet_from(json.loads(json.dumps(price.as_dict()))) == price
    assert sheet_from(None) is None


def test_the_sheet_in_force_is_the_latest_that_has_begun() -> None:
    ever, first, second = sheet("ever"), sheet("first", 100.0), sheet("second", 200.0)
    profile = Profile(model="m", price=ever, prices=(first, second))
    assert [profile.price_at(now) for now in (0.0, 99.9, 100.0, 199.9, 200.0, 1e12)] == [
        ever, ever, first, first, second, second,
    ]  # fmt: skip
    assert Profile(model="m", prices=(first,)).price_at(99.9) is None
    assert profile.priced(first).price_at(1e12) is first


def test_a_cap_on_cost_can_be_kept_where_tokens_have_a_price() -> None:
    assert why_no_cap("m", sheet("v")) is None
    assert "none in force" in str(why_no_cap("m", None))
    why = str(why_no_cap("m", GpuPrice(gpu_second=Decimal(1), version="by-gpu")))
    assert "GPU-seconds (sheet by-gpu)" in why
    assert "max_tokens or deadline_s instead" in why
