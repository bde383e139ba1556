"""The door: all faults at once, and nothing that could not run gets in."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from rao_runtime.core.errors import InvalidRequest
from rao_runtime.core.limits import Ceilings, Limits
from rao_runtime.core.pricing import GpuPrice, Price
from rao_runtime.core.profile import Profile
from rao_runtime.core.task import Task
from rao_runtime.engine.admission import House, admit

PRICE = Price(input=Decimal(1), output=Decimal(1), cached_input=Decimal(1), version="v")
HOUSE = House(
    ceilings=Ceilings(),
    max_context_bytes=100,
    profile=Profile(model="m", price=PRICE),
    known_models={"m": 1_000},
    all_models_known=True,
    tools=frozenset({"search"}),
)
GOOD = Task(goal="count", context="short", model="m", limits=Limits(max_cost=Decimal(1)), tools=("search",))


def places(task: Task, house: House = HOUSE) -> Sequence[tuple[str | int, ...]]:
    with pytest.raises(InvalidRequest) as refused:
        admit(task, house)
    return [fault.loc for fault in refused.value.faults]


def test_a_good_task_gets_in() -> None:
    admit(GOOD, HOUSE)


@pytest.mark.parametrize(
    ("task", "place"),
    [
        (replace(GOOD, goal=" \n"), ("goal",)),
        (replace(GOOD, goal="x" * 65_537), ("goal",)),
        (replace(GOOD, context="é" * 51), ("context",)),
        (replace(GOOD, context={"a": "x" * 100}), ("context",)),
        (replace(GOOD, auto_fraction=0.0), ("auto_fraction",)),
        (replace(GOOD, auto_fraction=float("nan")), ("auto_fraction",)),
        (replace(GOOD, priority=11), ("priority",)),
        (replace(GOOD, model="other", limits=Limits()), ("model",)),
        (replace(GOOD, answer_schema={"type": "whole"}), ("answer_schema",)),
        (replace(GOOD, check="answer >"), ("check",)),
        (replace(GOOD, tools=("search", "fetch")), ("tools", 1)),
        (replace(GOOD, limits=Limits(max_depth=33)), ("limits", "max_depth")),
        (replace(GOOD, limits=Limits(max_nodes=0)), ("limits", "max_nodes")),
        (replace(GOOD, limits=Limits(deadline_s=0.0)), ("limits", "deadline_s")),
        (replace(GOOD, limits=Limits(max_cost=Decimal(-1))), ("limits", "max_cost")),
    ],
)
def test_a_task_that_cannot_run_is_turned_away_at_the_place_that_is_wrong(
    task: Task, place: tuple[str | int, ...]
) -> None:
    assert places(task) == [place]


def test_all_faults_are_told_at_once() -> None:
    task = Task(goal="", check="=", priority=99, tools=("x",), limits=Limits(max_turns=0))
    assert set(places(task)) == {("goal",), ("check",), ("priority",), ("tools", 0), ("limits", "max_turns")}


def test_a_cap_on_cost_needs_a_price() -> None:
    unpriced = replace(HOUSE, profile=Profile(model="m"))
    assert places(GOOD, unpriced) == [("limits", "max_cost")]
    assert places(GOOD, replace(HOUSE, profile=None)) == [("limits", "max_cost")]


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        (Profile(model="m"), "needs a model with a price, and m has none in force. Limit max_tokens or deadline_s"),
        (
            Profile(model="m", price=GpuPrice(gpu_second=Decimal(1), version="g1")),
            "cannot be kept with m: it is priced by GPU-seconds (sheet g1), and how many a call takes is known only",
        ),
        (None, "needs a model with a price, and no replica told this server its default: name a `model`, or set"),
    ],
)
def test_a_cap_on_cost_that_cannot_be_kept_is_refused_with_what_to_do_instead(
    profile: Profile | None, message: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        admit(replace(GOOD, model=None), replace(HOUSE, profile=profile))
    (fault,) = refused.value.faults
    assert fault.loc == ("limits", "max_cost")
    assert fault.msg.startswith(message)


def test_an_unknown_model_may_turn_up_while_a_replica_has_not_answered() -> None:
    admit(replace(GOOD, model="other"), replace(HOUSE, all_models_known=False))
