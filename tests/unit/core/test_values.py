import json
import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.values import GREATEST_INT, LEAST_INT, MAX_DEPTH, FailedValue, cut, to_json, well_formed

GOOD_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(LEAST_INT, GREATEST_INT)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)))
)
GOOD_VALUES = st.recursive(
    GOOD_SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner),
    max_leaves=30,
)
ANY_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.binary()
    | st.complex_numbers()
    | st.builds(FailedValue, st.text(), st.text())
    | st.frozensets(st.integers())
)
ANY_VALUES = st.recursive(
    ANY_SCALARS,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(ANY_SCALARS, inner),
    max_leaves=20,
)


def nested(levels: int) -> list[Any]:
    value = list[Any]()
    for _ in range(levels - 1):
        value = [value]
    return value


@given(GOOD_VALUES)
def test_a_json_value_comes_out_equal_and_can_be_written_by_orjson(value: object) -> None:
    converted = to_json(value)
    assert converted == value
    assert orjson.loads(orjson.dumps(converted)) == value


@given(ANY_VALUES)
def test_any_value_is_either_written_by_orjson_or_refused_with_words(value: object) -> None:
    message = "answer"
    try:
        orjson.dumps(to_json(value))
    except ValueError as refused:
        message = str(refused)
    assert "answer" in message
    assert message.isascii()
    assert len(message) < 600


@given(GOOD_VALUES)
def test_the_size_is_that_of_compact_json_to_the_byte(value: object) -> None:
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    assert to_json(value, max_bytes=size) == value
    with pytest.raises(ValueError, match=r"answer is over .* bytes"):
        to_json(value, max_bytes=size - 1)


def test_tuples_become_lists_at_any_depth() -> None:
    assert to_json(("a", [(1, 2)], {"k": (3,)})) == ["a", [[1, 2]], {"k": [3]}]


def test_the_result_is_a_copy() -> None:
    inner = [1]
    converted = to_json({"k": inner})
    inner.append(2)
    assert converted == {"k": [1]}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"rows": [0, 1, 2, {1}]}, r"answer\['rows'\]\[3\] is a set, .* sorted"),
        ([frozenset[int]()], r"answer\[0\] is a frozenset"),
        ([b"x"], r"answer\[0\] is bytes, .*decode"),
        ([1j], r"answer\[0\] is a complex number"),
        ({"a": {1: 2}}, r"answer\['a'\] has the key 1, an int; .* str\(key\)"),
        ({None: 2}, "answer has the key None, a NoneType"),
        ({(1, 2): 3}, r"answer has the key \(\.\.\.\), a tuple"),
        ([math.nan], r"answer\[0\] is nan, .*None"),
        (-math.inf, "answer is -inf"),
        ([FailedValue("tokens", "out of tokens")], r"answer\[0\] is Failed\('tokens', 'out of tokens'\): a child"),
        (2**64, "answer is an integer of more than 64 bits"),
        (-(2**63) - 1, "answer is an integer of more than 64 bits"),
        (["ok", "\ud800"], r"answer\[1\] holds half of a surrogate pair"),
        ({"\udfff": 1}, "the key of answer holds half of a surrogate pair"),
        ([object()], r"answer\[0\] is an object; only None, bool"),
        (nested(MAX_DEPTH + 1), f"nests more than {MAX_DEPTH} levels deep"),
        ("x" * (1 << 20), "answer is over 1,048,576 bytes as JSON"),
        (["é" * (1 << 19)], "answer is over 1,048,576 bytes as JSON"),
    ],
)
def test_what_json_cannot_hold_is_refused_by_place_and_with_advice(value: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        to_json(value)


def test_an_integer_too_long_to_be_shown_is_refused_all_the_same() -> None:
    with pytest.raises(ValueError, match="answer is an integer of more than 64 bits"):
        to_json(10**5000)
    with pytest.raises(ValueError, match=r"answer has the key \(\.\.\.\), an int"):
        to_json({10**5000: 1})


def test_the_message_names_what_was_converted() -> None:
    with pytest.raises(ValueError, match=r"^context\[0\] is a set"):
        to_json([{1}], what="context")


def test_the_widest_integers_and_the_deepest_lists_pass() -> None:
    for value in (LEAST_INT, GREATEST_INT, nested(MAX_DEPTH)):
        assert orjson.loads(orjson.dumps(to_json(value))) == value


def test_a_value_that_contains_itself_is_refused() -> None:
    cycle = list[Any]()
    cycle.extend([cycle, cycle])
    with pytest.raises(ValueError, match="contains itself"):
        to_json(cycle)


def test_a_value_that_unfolds_to_more_than_the_bound_is_refused_before_it_is_unfolded() -> None:
    bomb: list[Any] = ["boom"]
    for _ in range(100):
        bomb = [bomb, bomb]
    with pytest.raises(ValueError, match="is over 1,000 bytes"):
        to_json(bomb, max_bytes=1000)


def test_a_message_stays_short_and_ascii_whatever_the_keys() -> None:
    value: Any = {1}
    for _ in range(150):
        value = {"é" * 10_000: value}
    with pytest.raises(ValueError, match="is a set") as refused:
        to_json(value, max_bytes=1 << 30)
    assert len(str(refused.value)) < 400
    assert str(refused.value).isascii()


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",))) | st.just("\ud800")))
def test_well_formed_text_keeps_everything_but_lone_surrogates(parts: list[str]) -> None:
    fixed = well_formed("".join(parts))
    assert fixed.encode().decode() == "".join(parts).replace("\ud800", "\ufffd")


def test_a_lone_surrogate_is_replaced_alone() -> None:
    assert well_formed("a\ud800b\udfffc") == "a\ufffdb\ufffdc"
    assert well_formed("plain é") == "plain é"


def test_a_split_pair_is_joined() -> None:
    assert well_formed("\ud83d\ude00") == "\U0001f600"


def test_a_short_text_is_not_cut() -> None:
    assert cut("abc", 3) == ("abc", 0)
    assert cut("", 0) == ("", 0)


@given(st.text(min_size=1), st.data())
def test_a_cut_keeps_limit_characters_and_counts_the_rest(text: str, data: st.DataObject) -> None:
    limit = data.draw(st.integers(0, len(text) - 1))
    shown, dropped = cut(text, limit)
    tail = limit // 2
    assert dropped == len(text) - limit
    assert f"[... {dropped} characters cut here ...]" in shown
    assert shown.startswith(text[: limit - tail])
    assert shown.endswith(text[len(text) - tail :])
