"""The one price sheet of a tree: the one in force when it was accepted, whatever is in force by now."""

from collections.abc import Mapping
from typing import Any

from rao_runtime.core.limits import Limits, Reason
from rao_runtime.core.pricing import Sheet, sheet_from, why_no_cap
from rao_runtime.core.profile import Profile
from rao_runtime.core.state import TreeState
from rao_runtime.engine.node_spec import NodeFailure


def frozen(profile: Profile | NodeFailure, state: TreeState, limits: Limits) -> Profile | NodeFailure:
    """The profile with the tree's own sheet; a failure where `max_cost` cannot be kept with it, or where it is one."""
    if isinstance(profile, NodeFailure):
        return profile
    sheet = _sheet(profile, state)
    why = None if limits.max_cost is None else why_no_cap(profile.model, sheet)
    return profile.priced(sheet) if why is None else NodeFailure(reason=Reason.COST, message=f"max_cost {why}")


def price_told(profile: Profile) -> dict[str, Any]:
    """What a journal is told of a profile's sheet, once that is frozen."""
    sheet = profile.price
    return {
        "price_version": None if sheet is None else sheet.version,
        "price": None if sheet is None else sheet.as_dict(),
    }


def _sheet(profile: Profile, state: TreeState) -> Sheet | None:
    told: Mapping[str, Any] = {**state.created, **state.started}
    if told["model"] != profile.model:
        # Accepted without a model, or for one that is no longer the default.
        return profile.price_at(state.created_at)
    if "price" in told:
        return sheet_from(told["price"])
    return _of_version(profile, told["price_version"], state.created_at)


def _of_version(profile: Profile, version: str | None, accepted_at: float) -> Sheet | None:
    """What a journal means that names a sheet and does not tell its prices, as those of earlier releases."""
    if version is None:
        return None
    known = [sheet for sheet in (profile.price, *profile.prices) if sheet is not None and sheet.version == version]
    return known[0] if known else profile.price_at(accepted_at)
