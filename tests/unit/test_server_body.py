"""From bytes to a task, or to a refusal that says what is wrong."""

import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.limits import Ceilings, Limits
from rao_runtime.core.task import Mode, Sampling, Task
from server.body import is_json, parse
from server.problems import Problem, Refused


def body(**fields: object) -> bytes:
    return json.dumps({"goal": "count", **fields}).encode()


def refusal(data: bytes) -> Problem:
    with pytest.raises(Refused) as refused:
        parse(data)
    return refused.value.problem


def test_a_goal_is_enough() -> None:
    assert parse(body()).to_task(None, Ceilings()) == Task(goal="count")


def test_every_field_reaches_the_task() -> None:
    sent = body(
        context={"a": "b"},
        mode="flat",
        auto_fraction=0.25,
        expected_output_tokens=10,
        model="m",
        answer_schema={"type": "integer"},
        check="answer > 0",
        limits={"max_depth": 1, "max_cost": "1.50", "deadline_s": 7},
        sampling={"temperature": 0, "seed": -1},
        tools=["search"],
        priority=-10,
        metadata={"team": [1, None]},
        stream=True,
    )
    assert parse(sent).to_task("00-trace", Ceilings()) == Task(
        goal="count",
        context={"a": "b"},
        mode=Mode.FLAT,
        auto_fraction=0.25,
        expected_output_tokens=10,
        model="m",
        answer_schema={"type": "integer"},
        check="answer > 0",
        limits=Limits(max_depth=1, max_cost=Decimal("1.50"), deadline_s=7.0),
        sampling=Sampling(temperature=0.0, seed=-1),
        tools=("search",),
        priority=-10,
        metadata={"team": [1, None]},
        traceparent="00-trace",
    )


@pytest.mark.parametrize("cost", ['"0.1"', "0.1"])
def test_money_is_exact_however_it_is_written(cost: str) -> None:
    sent = f'{{"goal": "x", "limits": {{"max_cost": {cost}}}}}'.encode()
    assert parse(sent).to_task(None, Ceilings()).limits.max_cost == Decimal("0.1")


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"priority": 11}, ("priority",)),
        ({"priority": "5"}, ("priority",)),
        ({"priority": 1.0}, ("priority",)),
        ({"priority": True}, ("priority",)),
        ({"stream": 1}, ("stream",)),
        ({"stream": "true"}, ("stream",)),
        ({"auto_fraction": 0}, ("auto_fraction",)),
        ({"auto_fraction": "0.5"}, ("auto_fraction",)),
        ({"mode": "fast"}, ("mode",)),
        ({"mode": None}, ("mode",)),
        ({"model": ""}, ("model",)),
        ({"context": 5}, ("context",)),
        ({"context": ["a", 1]}, ("context",)),
        ({"context": {"a": None}}, ("context",)),
        ({"answer_schema": "integer"}, ("answer_schema",)),
        ({"answer_schema": 1}, ("answer_schema",)),
        ({"check": ""}, ("check",)),
        ({"goal": ""}, ("goal",)),
        ({"goal": "x" * 65537}, ("goal",)),
        ({"tools": "search"}, ("tools",)),
        ({"tools": [1]}, ("tools", 0)),
        ({"metadata": []}, ("metadata",)),
        ({"metadata": {"a": "x" * 20000}}, ("metadata",)),
        ({"metadata": {"a": 2**64}}, ("metadata",)),
        ({"limits": None}, ("limits",)),
        ({"limits": {"max_depth": -1}}, ("limits", "max_depth")),
        ({"limits": {"max_depth": 2**70}}, ("limits", "max_depth")),
        ({"limits": {"depth": 1}}, ("limits", "depth")),
        ({"limits": {"max_cost": "a lot"}}, ("limits", "max_cost")),
        ({"limits": {"max_cost": "-1"}}, ("limits", "max_cost")),
        ({"limits": {"max_cost": "NaN"}}, ("limits", "max_cost")),
        ({"limits": {"max_cost": "Infinity"}}, ("limits", "max_cost")),
        ({"limits": {"max_cost": "1e999999999"}}, ("limits", "max_cost")),
        ({"limits": {"max_cost": "1e-999999999"}}, ("limits", "max_cost")),
        ({"limits": {"max_cost": True}}, ("limits", "max_cost")),
        ({"limits": {"deadline_s": 0}}, ("limits", "deadline_s")),
        ({"sampling": {"temperature": -0.1}}, ("sampling", "temperature")),
        ({"sampling": {"seed": 2**63}}, ("sampling", "seed")),
        ({"sampling": {"top_k": 1}}, ("sampling", "top_k")),
        ({"extra": 1}, ("extra",)),
    ],
)
def test_a_wrong_field_is_named_and_not_echoed(fields: dict[str, object], loc: tuple[str | int, ...]) -> None:
    problem = refusal(body(**fields))
    assert problem.kind.status == 422
    assert loc in [fault.loc for fault in problem.faults]
    assert not any("x" * 100 in fault.msg for fault in problem.faults)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"goal": "x"} and more',
        b"\xef\xbb\xbf" + body(),
        b'{"goal": "\xff"}',
        b'{"goal": "\\ud800"}',
        b'{"goal": "\\udc00 \\ud800"}',
        b'{"goal": "a\nb"}',
        b'{"goal": "x", "metadata": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
        b"[" * 100_000,
        b'{"goal": "x", "priority": ' + b"9" * 10_000 + b"}",
        b'{"goal": "x", "priority": 01}',
        b"{'goal': 'x'}",
    ],
)
def test_what_is_no_json_is_malformed(data: bytes) -> None:
    problem = refusal(data)
    assert problem.kind.status == 400
    assert len(problem.detail) < 200


@pytest.mark.parametrize("data", [b"null", b"[]", b'"goal"', b"5", b"{}", b'{"goal": null}', b'{"goal": 5}'])
def test_json_that_is_no_task_is_invalid(data: bytes) -> None:
    assert refusal(data).kind.status == 422


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
@pytest.mark.parametrize(
    "place", [b'"auto_fraction": %s', b'"metadata": {"a": %s}', b'"answer_schema": {"maximum": %s}']
)
def test_numbers_that_are_not_finite_are_refused_everywhere(place: bytes, number: bytes) -> None:
    assert refusal(b'{"goal": "x", ' + place % number + b"}").kind.status in {400, 422}


def test_nesting_has_its_bound() -> None:
    deep = b'{"goal": "x", "metadata": {"a": ' + b"[" * 40 + b"]" * 40 + b"}}"
    assert [fault.msg for fault in refusal(deep).faults] == ["it is nested deeper than 32 levels"]


def test_a_crowd_of_errors_is_one_error() -> None:
    sent = b'{"goal": "x"' + b"".join(b', "f%d": 1' % i for i in range(10_000)) + b"}"
    problem = refusal(sent)
    assert [fault.loc for fault in problem.faults] == [()]
    assert "10000" in problem.faults[0].msg


def test_a_long_name_comes_back_short() -> None:
    (fault,) = refusal(body(**{"n" * 5000: 1})).faults
    assert fault.loc == ("n" * 100,)


@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_fail_otherwise(data: bytes) -> None:
    with contextlib.suppress(Refused):
        parse(data)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (body(), b'{ "goal" : "count" }', True),
        (body(stream=True), body(), True),
        (body(priority=0), body(), True),
        (body(metadata={"a": 1, "b": 2}), body(metadata={"b": 2, "a": 1}), True),
        (body(context=["a", "b"]), body(context=["b", "a"]), False),
        (body(priority=1), body(), False),
        (body(limits={"max_cost": "1"}), body(), False),
        (body(answer_schema=True), body(answer_schema=False), False),
    ],
)
def test_a_fingerprint_tells_what_is_asked_not_how(first: bytes, second: bytes, same: bool) -> None:
    assert (parse(first).fingerprint() == parse(second).fingerprint()) is same


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", True),
        ("Application/JSON; charset=UTF-8", True),
        ('application/json; charset="utf-8"', True),
        ("application/merge-patch+json", True),
        ("application/json; charset=latin-1", False),
        ("text/json", False),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("", False),
    ],
)
def test_json_is_known_by_its_media_type(content_type: str, expected: bool) -> None:
    assert is_json(content_type) is expected


def test_a_limit_that_is_left_out_keeps_under_a_low_ceiling() -> None:
    low = Ceilings(max_nodes=100, deadline_s=60.0)
    limits = parse(body()).to_task(None, low).limits
    assert (limits.max_nodes, limits.deadline_s, limits.max_depth) == (100, 60.0, 4)


def test_a_limit_that_is_asked_for_is_never_changed() -> None:
    limits = parse(body(limits={"max_nodes": 101})).to_task(None, Ceilings(max_nodes=100)).limits
    assert limits.max_nodes == 101
