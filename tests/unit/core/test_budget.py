"""Reservations on accounts that lie under one another."""

from decimal import Decimal

import pytest

from rao_runtime.core import budget
from rao_runtime.core.budget import NOTHING, Account, Amount, Exceeded, Remaining, Reservation
from rao_runtime.core.limits import Limits, Reason


def reserved(account: Account, amount: Amount) -> Reservation:
    result = budget.reserve(account, amount)
    assert isinstance(result, Reservation)
    return result


def test_what_fits_exactly_is_reserved_and_one_more_is_not() -> None:
    account = Account(Limits(max_tokens=100))
    reserved(account, Amount(tokens=100))
    assert isinstance(budget.reserve(account, Amount(tokens=1)), Exceeded)
    assert account.reserved == Amount(tokens=100)


def test_a_refusal_names_the_limit_and_its_figures() -> None:
    account = Account(Limits(max_tokens=100))
    budget.spend(account, Amount(tokens=30))
    reserved(account, Amount(tokens=20))
    refused = budget.reserve(account, Amount(tokens=51))
    assert refused == Exceeded(reason=Reason.TOKENS, limit=100, spent=30, reserved=20, asked=51)
    assert str(refused) == "needs 51 tokens, but of the limit of 100 30 are spent and 20 reserved"


def test_a_charge_is_seen_by_every_account_above_and_none_beside() -> None:
    root = Account(Limits())
    left, right = Account(Limits(), root), Account(Limits(), root)
    leaf = Account(Limits(), left)
    budget.settle(reserved(leaf, Amount(tokens=10)), Amount(tokens=7))
    assert [each.spent.tokens for each in (root, left, leaf, right)] == [7, 7, 7, 0]
    assert all(each.reserved == NOTHING for each in (root, left, leaf, right))


def test_the_outermost_exceeded_limit_is_the_one_named() -> None:
    root = Account(Limits(max_tokens=50))
    leaf = Account(Limits(max_tokens=10), Account(Limits(max_tokens=20), root))
    limits = list[object]()
    for asked in (60, 30, 15):
        refused = budget.reserve(leaf, Amount(tokens=asked))
        assert isinstance(refused, Exceeded)
        limits.append(refused.limit)
    assert limits == [50, 20, 10]


def test_of_one_account_nodes_are_named_before_tokens_and_tokens_before_cost() -> None:
    account = Account(Limits(max_nodes=1, max_tokens=1, max_cost=Decimal(1)))
    asked = [Amount(2, 2, Decimal(2)), Amount(0, 2, Decimal(2)), Amount(0, 0, Decimal(2))]
    results = [budget.check(account, each) for each in asked]
    assert [result and result.reason for result in results] == [Reason.NODES, Reason.TOKENS, Reason.COST]


def test_nothing_changes_where_a_reservation_does_not_fit() -> None:
    root = Account(Limits(max_tokens=10))
    leaf = Account(Limits(max_tokens=100), root)
    assert isinstance(budget.reserve(leaf, Amount(tokens=11)), Exceeded)
    assert (root.reserved, leaf.reserved) == (NOTHING, NOTHING)


def test_a_release_gives_back_and_a_settlement_keeps_what_was_used() -> None:
    account = Account(Limits(max_tokens=100))
    budget.release(reserved(account, Amount(tokens=60)))
    budget.settle(reserved(account, Amount(tokens=60)), Amount(tokens=25))
    assert budget.remaining(account).tokens == 75


def test_a_reservation_closes_once() -> None:
    account = Account(Limits())
    reservation = reserved(account, Amount(tokens=60))
    budget.release(reservation)
    with pytest.raises(ValueError, match="closed"):
        budget.settle(reservation, Amount(tokens=1))
    with pytest.raises(ValueError, match="closed"):
        budget.release(reservation)
    assert (account.spent, account.reserved) == (NOTHING, NOTHING)


def test_more_than_was_reserved_is_booked_and_stops_what_comes_after() -> None:
    account = Account(Limits(max_tokens=100))
    budget.settle(reserved(account, Amount(tokens=90)), Amount(tokens=120))
    assert budget.remaining(account).tokens == 0
    assert isinstance(budget.reserve(account, Amount(tokens=1)), Exceeded)
    assert isinstance(budget.reserve(account, NOTHING), Reservation)


def test_what_remains_is_the_least_of_the_line() -> None:
    root = Account(Limits(max_nodes=9, max_tokens=50, max_cost=Decimal(2)))
    leaf = Account(Limits(max_nodes=4, max_tokens=80), root)
    budget.spend(root, Amount(tokens=10, cost=Decimal("0.5")))
    reserved(leaf, Amount(nodes=1, tokens=5))
    assert budget.remaining(leaf) == Remaining(nodes=3, tokens=35, cost=Decimal("1.5"))
    assert budget.remaining(Account(Limits())).cost is None


def test_without_a_cap_on_cost_any_cost_fits() -> None:
    reserved(Account(Limits(max_cost=None)), Amount(cost=Decimal(10**9)))
