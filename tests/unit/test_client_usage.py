"""The client's view of usage, and the command's: a table, CSV, and what the costs leave out."""

import csv
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rao_runtime.cli.usage_table import remarks, usage_csv, usage_table
from rao_runtime.client import StrangeAnswer, UsageReport, calls
from rao_runtime.client.usage import UsageAsked
from tests.unit.client_play import Clock, contact, in_order, json_answer, play

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def line(**changed: object) -> dict[str, Any]:
    """A line as a server sends it."""
    whole: dict[str, Any] = {
        "trees": 3,
        "attempts": 12,
        "input_tokens": 34_000,
        "cached_tokens": 20_000,
        "output_tokens": 2_000,
        "wasted_tokens": 500,
        "cost": "0.0123",
        "wasted_cost": "0.0001",
        "estimated_attempts": 0,
        "unpriced_attempts": 0,
    }
    return whole | changed


def report(*lines: dict[str, Any], total: dict[str, Any] | None = None) -> dict[str, Any]:
    """A report by model and day."""
    return {
        "since": "2026-11-01",
        "until": "2026-12-01",
        "group_by": ["model", "day"],
        "currency": "USD",
        "data": list(lines),
        "total": line() if total is None else total,
    }


def read(raw: dict[str, Any]) -> UsageReport:
    found = UsageReport.read(raw)
    assert found is not None
    return found


def test_a_report_has_what_the_server_said() -> None:
    found = read(report(line(model="m", day="2026-11-22"), line(model=None, day="2026-11-23", cost=None, trees=None)))
    assert [each.key for each in found.lines] == [("m", "2026-11-22"), (None, "2026-11-23")]
    assert (found.lines[0].cost, found.lines[0].trees) == (Decimal("0.0123"), 3)
    assert (found.lines[1].cost, found.lines[1].trees) == (None, None)
    assert (found.since, found.until, found.total.attempts) == ("2026-11-01", "2026-12-01", 12)


@given(st.dictionaries(st.sampled_from([*report(), "other"]), JSON))
def test_no_json_breaks_the_reading(raw: dict[str, Any]) -> None:
    UsageReport.read(raw)


def test_what_is_asked_for_is_in_the_query() -> None:
    clock = Clock()
    asked = UsageAsked(group_by=["model", "day"], since="2026-11-01", tenant="a b")
    played = play(calls.usage(contact(clock), asked), in_order(json_answer(report(line()))), clock)
    assert played.result == read(report(line()))
    [request] = played.requests
    assert (request.method, request.path) == ("GET", "/usage")
    assert request.params == {"group_by": "model,day", "since": "2026-11-01", "tenant": "a b"}


def test_something_else_that_answers_is_taken_for_what_it_is() -> None:
    clock = Clock()
    with pytest.raises(StrangeAnswer):
        play(calls.usage(contact(clock), UsageAsked()), in_order(json_answer({"data": 1})), clock)


def shown(found: UsageReport) -> str:
    console = Console(width=160, file=StringIO(), highlight=False)
    with console.capture() as capture:
        console.print(usage_table(found))
    return capture.get()


def test_a_table_has_a_line_for_each_group_and_one_for_all() -> None:
    text = shown(read(report(line(model="m", day="2026-11-22"), line(model="\x1b[31m", day="2026-11-23", cost=None))))
    heading, first, second, total = (each.split() for each in text.splitlines())
    assert heading[:4] == ["model", "day", "trees", "attempts"]
    assert first == ["m", "2026-11-22", "3", "12", "34k", "20k", "2,000", "500", "$0.012", "$0.00010"]
    assert (second[-2], total[0]) == ("-", "total")
    assert "\x1b" not in text


def test_the_table_as_csv_has_exact_amounts_and_nothing_for_null() -> None:
    found = read(report(line(model="a,b", day="2026-11-22"), line(model=None, day="2026-11-23", cost=None)))
    rows = list(csv.DictReader(StringIO(usage_csv(found))))
    assert [(row["model"], row["cost"], row["input_tokens"]) for row in rows] == [
        ("a,b", "0.0123", "34000"),
        ("", "", "34000"),
    ]


def test_what_the_costs_leave_out_is_said() -> None:
    assert list(remarks(read(report()).total)) == []
    said = list(remarks(read(report(total=line(unpriced_attempts=1, estimated_attempts=2))).total))
    assert [each.split(" with")[0] for each in said] == ["1 attempt", "2 attempts"]
