"""A tree keeps the price sheet it was accepted under, whatever the settings say later."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from rao_runtime.core.events import EventType
from rao_runtime.core.limits import Limits, Reason
from rao_runtime.core.pricing import GpuPrice, Price
from rao_runtime.core.profile import Profile
from rao_runtime.core.state import TreeState
from rao_runtime.engine.frozen_price import frozen, price_told
from rao_runtime.engine.node_spec import NodeFailure
from tests.unit.core.tree_builder import CREATED, STARTED, TreeBuilder

ACCEPTED_AT, STARTS_AT = 1_000.0, 2_000.0
CAPPED = Limits(max_cost=Decimal(1))


def sheet(version: str, since: float | None = None) -> Price:
    price = Decimal(len(version))
    return Price(input=price, output=price, cached_input=price, version=version, since=since)


NOW = Profile(model="m", price=sheet("ever"), prices=(sheet("at once", 1_000.0), sheet("later", 1_500.0)))


def tree(created: dict[str, Any], started: dict[str, Any] | None = None) -> TreeState:
    built = TreeBuilder(begun=False).tree(EventType.TREE_CREATED, **(CREATED | created))
    if started is not None:
        built.at = STARTS_AT
        built.tree(EventType.TREE_STARTED, **(STARTED | started))
    return built.state


def version_of(state: TreeState, profile: Profile = NOW) -> str | None:
    found = frozen(profile, state, Limits())
    assert isinstance(found, Profile)
    assert found.prices == ()
    return None if found.price is None else found.price.version


def told(version: str) -> dict[str, Any]:
    return price_told(Profile(model="m", price=sheet(version)))


def test_what_was_journaled_at_acceptance_holds_also_where_no_setting_knows_it_any_more() -> None:
    found = frozen(Profile(model="m"), tree(told("gone")), Limits())
    assert isinstance(found, Profile)
    assert found.price == sheet("gone")
    assert version_of(tree(told("gone"), told("gone"))) == "gone"


def test_a_model_without_a_price_at_acceptance_stays_without_one() -> None:
    assert version_of(tree(price_told(Profile(model="m")))) is None


@pytest.mark.parametrize("model", [None, "another"])
def test_a_model_that_is_settled_at_the_start_has_the_sheet_of_the_acceptance(model: str | None) -> None:
    assert version_of(tree(told("gone") | {"model": model})) == "at once"


def test_what_was_journaled_at_the_start_holds_for_a_model_settled_then() -> None:
    accepted = {"model": None, "price_version": None, "price": None}
    assert version_of(tree(accepted, told("started"))) == "started"


@pytest.mark.parametrize(
    ("version", "found"), [("later", "later"), ("ever", "ever"), ("gone", "at once"), (None, None)]
)
def test_a_journal_that_names_a_sheet_and_not_its_prices_finds_them_by_name(
    version: str | None, found: str | None
) -> None:
    assert version_of(tree({"price_version": version})) == found
    assert version_of(tree({"price_version": None, "model": None}, {"price_version": version})) == found


def test_a_cap_that_cannot_be_kept_with_the_trees_own_sheet_fails_it() -> None:
    by_gpu = replace(NOW, prices=(GpuPrice(gpu_second=Decimal(1), version="g", since=0.0),))
    failed = frozen(by_gpu, tree({"model": None}), CAPPED)
    assert isinstance(failed, NodeFailure)
    assert failed.reason is Reason.COST
    assert failed.message.startswith("max_cost cannot be kept with m: it is priced by GPU-seconds (sheet g)")
    assert isinstance(frozen(by_gpu, tree(told("kept")), CAPPED), Profile)


def test_a_model_that_cannot_be_used_stays_so() -> None:
    failure = NodeFailure(reason=Reason.MODEL_ERROR, message="none")
    assert frozen(failure, tree({}), Limits()) is failure
