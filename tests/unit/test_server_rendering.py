"""Values to JSON."""

import json
from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rendering import Json, encode

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(values)
def test_what_goes_out_comes_back(value: object) -> None:
    assert json.loads(encode(value)) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**200, 2**200),
        ({"a": [2**64, float("nan"), 1.5]}, {"a": [2**64, None, 1.5]}),
        ([float("inf"), float("nan")], [None, None]),
        ({1: "a"}, {"1": "a"}),
        ((1, 2), [1, 2]),
        ({"a": Decimal("1.50")}, {"a": "1.50"}),
        ({"a": Decimal("1.50"), "b": 2**70}, {"a": "1.50", "b": 2**70}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        ("\ud800", "\ud800"),
    ],
)
def test_what_json_does_not_take_as_it_is_still_goes_out(value: object, expected: object) -> None:
    assert json.loads(encode(value)) == expected


def test_deep_nesting_goes_out() -> None:
    value: list[object] = []
    for _ in range(300):
        value = [value]
    assert encode(value) == b"[" * 301 + b"]" * 301


def test_it_is_one_line() -> None:
    assert b"\n" not in encode({"text": "a\nb\r\nc\u2028d"})
    assert b"\n" not in encode({"text": "a\nb\r\nc\u2028d", "big": 2**70})


def test_what_is_no_value_is_an_error() -> None:
    with pytest.raises(TypeError):
        encode({"a": object()})


def test_an_answer_says_that_it_is_json() -> None:
    answer = Json({"a": 1}, status_code=202)
    assert answer.body == b'{"a":1}'
    assert answer.headers["content-type"] == "application/json"
