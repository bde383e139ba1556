import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.attained_service import AttainedService

EPOCH = 1.8e9
CHARGES = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 100_000), st.floats(0, 300)), max_size=30)


def faded(charges: list[tuple[str, int, float]], tenant: str) -> float:
    """The sum that is defined by its half-life, made the long way; each charge comes `after` the one before."""
    total, now, last = 0.0, EPOCH, EPOCH
    for who, tokens, after in charges:
        now += after
        if who == tenant:
            total = total * 0.5 ** ((now - last) / 60.0) + tokens
            last = now
    return total * 0.5 ** ((now - last) / 60.0)


@given(CHARGES)
def test_service_is_the_sum_of_charges_that_halve_every_minute_but_for_a_token_each(
    charges: list[tuple[str, int, float]],
) -> None:
    service = AttainedService()
    now = EPOCH
    for tenant, tokens, after in charges:
        now += after
        service.charge(tenant, tokens, now)
    for tenant in "ab":
        expected = max(1.0, faded(charges, tenant))
        assert expected - len(charges) <= service.tokens(tenant, now) * (1 + 1e-6)
        assert service.tokens(tenant, now) <= expected * (1 + 1e-6)


def test_the_order_of_tenants_does_not_change_while_nobody_is_served() -> None:
    service = AttainedService()
    service.charge("much", 4000, EPOCH)
    service.charge("little", 1000, EPOCH)
    assert service.level("nobody", EPOCH) < service.level("little", EPOCH) < service.level("much", EPOCH)
    later = EPOCH + 300.0
    assert service.level("nobody", later) < service.level("little", later) < service.level("much", later)


def test_what_is_less_than_one_token_is_nothing() -> None:
    service = AttainedService()
    service.charge("a", 1024, EPOCH)
    assert service.level("a", EPOCH + 599.0) > service.level("b", EPOCH + 599.0)
    assert service.level("a", EPOCH + 600.1) == service.level("b", EPOCH + 600.1)


def test_years_without_a_pause_do_not_overflow() -> None:
    service = AttainedService()
    for day in range(1000):
        service.charge("a", 10**9, EPOCH + 86_400.0 * day)
    assert service.tokens("a", EPOCH + 86_400.0 * 999) == pytest.approx(10**9, rel=1e-6)


def test_only_tenants_that_were_served_lately_are_remembered() -> None:
    service = AttainedService()
    most = 0
    for second in range(10_000):
        service.charge(f"tenant-{second}", 1000, EPOCH + second)
        service.charge("steady", 1000, EPOCH + second)
        most = max(most, len(service))
    assert most <= 60.0 * math.log2(1000) + 3
    assert service.tokens("steady", EPOCH + 9_999) == pytest.approx(1000 / (1 - 0.5 ** (1 / 60)), rel=1e-6)


@given(CHARGES, st.floats(0, 3600))
def test_forgetting_changes_no_order(charges: list[tuple[str, int, float]], pause: float) -> None:
    service, never_forgets = AttainedService(), AttainedService()
    now = EPOCH
    for tenant, tokens, after in charges:
        now += after
        service.charge(tenant, tokens, now)
        service.charge("somebody else", 0, now)
        never_forgets.charge(tenant, tokens, now)
    now += pause
    service.charge("somebody else", 0, now)
    for tenant in "abc":
        assert service.level(tenant, now) == never_forgets.level(tenant, now)


def test_less_than_nothing_cannot_be_charged() -> None:
    with pytest.raises(ValueError, match="a cannot be charged -1 tokens"):
        AttainedService().charge("a", -1, EPOCH)
