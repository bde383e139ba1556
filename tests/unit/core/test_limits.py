from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.limits import Ceilings, Limits, Reason, narrowed, over_ceiling

COUNTS = ("max_depth", "max_nodes", "max_children", "max_turns", "max_tokens")
ASKED = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.integers(1, 10**10) for name in COUNTS},
        "deadline_s": st.floats(0, 1e6),
        "max_cost": st.none() | st.decimals(0, 1000, places=4).map(str),
    },
)


def test_defaults_and_wire_names_are_those_of_the_contract() -> None:
    assert Limits().as_dict() == {
        "max_depth": 4,
        "max_nodes": 256,
        "max_children": 32,
        "max_turns": 25,
        "max_tokens": 2_000_000,
        "max_cost": None,
        "deadline_s": 900.0,
    }
    assert Limits(max_cost=Decimal("1.50")).as_dict()["max_cost"] == "1.50"


def test_reasons_are_those_of_the_contract() -> None:
    names = (
        "depth nodes turns tokens cost deadline window model_error sandbox_error answer_invalid check_failed unable "
        "canceled overloaded internal"
    )
    assert [reason.value for reason in Reason] == names.split()


def test_the_defaults_are_within_the_ceilings_and_so_are_the_ceilings() -> None:
    top = Ceilings()
    assert over_ceiling(Limits(), top) == []
    assert over_ceiling(replace(Limits(), **{f.name: getattr(top, f.name) for f in fields(top)}), top) == []


@pytest.mark.parametrize("name", [f.name for f in fields(Ceilings)])
def test_a_limit_over_its_ceiling_is_named_with_both_numbers(name: str) -> None:
    top = getattr(Ceilings(), name)
    [fault] = over_ceiling(replace(Limits(), **{name: top + 1}), Ceilings())
    assert fault.loc == ("limits", name)
    assert str(top + 1) in fault.msg
    assert str(top) in fault.msg


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_depth", -1),
        ("max_nodes", 0),
        ("max_children", 0),
        ("max_turns", 0),
        ("max_tokens", 0),
        ("deadline_s", 0.0),
        ("deadline_s", -1.0),
        ("max_cost", Decimal("-0.01")),
    ],
)
def test_a_limit_too_small_to_mean_anything_is_named(name: str, value: object) -> None:
    changes: dict[str, Any] = {name: value}
    [fault] = over_ceiling(replace(Limits(), **changes), Ceilings())
    assert fault.loc == ("limits", name)


def test_every_fault_is_reported_not_only_the_first() -> None:
    faults = over_ceiling(Limits(max_depth=99, max_nodes=0, max_cost=Decimal(-1)), Ceilings())
    assert [fault.loc[1] for fault in faults] == ["max_depth", "max_nodes", "max_cost"]


def test_a_launch_that_asks_for_nothing_inherits_all() -> None:
    parent = Limits(max_nodes=7, max_cost=Decimal(1))
    assert narrowed(parent, {}) == parent
    assert narrowed(parent, {"max_cost": None}) == parent


@given(ASKED, st.none() | st.decimals(0, 1000, places=4))
def test_a_launch_lowers_limits_and_never_raises_one(asked: dict[str, Any], cost: Decimal | None) -> None:
    parent = Limits(max_cost=cost)
    child = narrowed(parent, asked)
    for name in (*COUNTS, "deadline_s"):
        assert getattr(child, name) == min(getattr(parent, name), asked.get(name, getattr(parent, name)))
    wanted = asked.get("max_cost")
    amounts = [amount for amount in (cost, None if wanted is None else Decimal(wanted)) if amount is not None]
    assert child.max_cost == min(amounts, default=None)
    assert narrowed(child, asked) == child


@given(ASKED)
def test_counts_stay_whole_numbers_and_the_deadline_a_float(asked: dict[str, Any]) -> None:
    child = narrowed(Limits(), asked)
    assert all(type(getattr(child, name)) is int for name in COUNTS)
    assert type(child.deadline_s) is float


def test_a_whole_number_written_as_a_float_is_taken() -> None:
    assert narrowed(Limits(), {"max_nodes": 5.0}).max_nodes == 5


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"max_node": 5}, "limits has no 'max_node'; it takes deadline_s, max_children"),
        ({"max_nodes": "5"}, r"limits\['max_nodes'\] must be a number, not '5'"),
        ({"max_nodes": True}, r"limits\['max_nodes'\] must be a number, not True"),
        ({"max_nodes": None}, r"limits\['max_nodes'\] must be a number, not None"),
        ({"max_nodes": float("inf")}, r"limits\['max_nodes'\] must be a number, not inf"),
        ({"max_nodes": float("nan")}, r"limits\['max_nodes'\] must be a number, not nan"),
        ({"deadline_s": float("nan")}, r"limits\['deadline_s'\] must be a number, not nan"),
        ({"max_nodes": 1.5}, r"limits\['max_nodes'\] must be a whole number, not 1.5"),
        ({"max_nodes": 0}, r"limits\['max_nodes'\] must be at least 1, not 0"),
        ({"max_depth": -1}, r"limits\['max_depth'\] must be at least 0, not -1"),
        ({"deadline_s": -1}, r"limits\['deadline_s'\] must be at least 0"),
        ({"max_cost": "cheap"}, r"limits\['max_cost'\] must be an amount in USD, not 'cheap'"),
        ({"max_cost": "NaN"}, r"limits\['max_cost'\] must be an amount in USD"),
        ({"max_cost": float("inf")}, r"limits\['max_cost'\] must be an amount in USD"),
        ({"max_cost": -1}, r"limits\['max_cost'\] must be an amount in USD"),
        ({"max_cost": True}, r"limits\['max_cost'\] must be an amount in USD"),
    ],
)
def test_limits_a_model_gets_wrong_are_refused_with_words(asked: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        narrowed(Limits(), asked)


@pytest.mark.parametrize("limits", [Limits(deadline_s=float("nan")), Limits(deadline_s=float("inf"))])
def test_a_deadline_must_be_finite(limits: Limits) -> None:
    assert [fault.loc for fault in over_ceiling(limits, Ceilings())] == [("limits", "deadline_s")]


@pytest.mark.parametrize("cost", ["NaN", "Infinity", "-1"])
def test_a_cost_must_be_an_amount(cost: str) -> None:
    assert [f.loc for f in over_ceiling(Limits(max_cost=Decimal(cost)), Ceilings())] == [("limits", "max_cost")]


def test_a_cost_with_thousands_of_digits_is_told_off_in_plain_words() -> None:
    with pytest.raises(ValueError, match="max_cost"):
        narrowed(Limits(), {"max_cost": 10**5000})
