"""Words and numbers for people."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.cli import plain

ANYTHING = st.text(st.characters(codec=None))


@given(ANYTHING)
def test_no_control_character_ever_reaches_the_terminal(text: str) -> None:
    shown = plain.printable(text)
    assert all(c.isprintable() or c in "\n\t" for c in shown)
    shown.encode()


@given(ANYTHING, st.integers(1, 50))
def test_one_line_is_one_line_of_the_length_asked_for(text: str, most: int) -> None:
    line = plain.one_line(text, most)
    assert len(line) <= most
    assert line.isprintable()


def test_escape_sequences_and_hidden_directions_are_made_visible() -> None:
    assert plain.one_line("red \x1b[31malert\x1b[0m \u202egpj.exe") == "red \ufffd[31malert\ufffd[0m \ufffdgpj.exe"


def test_a_goal_of_many_lines_becomes_one() -> None:
    assert plain.one_line("Count\n\n  the   lines\tof it", 12) == "Count the l…"


def test_a_text_answer_is_shown_as_it_is_and_anything_else_as_json() -> None:
    assert plain.value("two\nlines") == "two\nlines"
    assert plain.value({"größe": [1, None]}) == '{\n  "größe": [\n    1,\n    null\n  ]\n}'


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (10_000, "10k"),
        (91_234, "91.2k"),
        (999_499, "999k"),
        (999_500, "1M"),
        (1_254_000, "1.25M"),
        (2 * 10**9, "2G"),
        (7 * 10**12, "7T"),
    ],
)
def test_counts_stay_short(number: int, shown: str) -> None:
    assert plain.count(number) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "-"),
        ("0", "$0.00"),
        ("0.001873", "$0.0019"),
        ("0.25", "$0.25"),
        ("0.0000000012", "$0.00000000"),
        ("12.5", "$12.50"),
        ("1234.567", "$1,234.57"),
    ],
)
def test_money_shows_what_matters(amount: str | None, shown: str) -> None:
    assert plain.money(None if amount is None else Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("duration_s", "shown"),
    [
        (None, "-"),
        (0.004, "0.00 s"),
        (3.14159, "3.14 s"),
        (42.25, "42.2 s"),
        (185, "3:05 min"),
        (3599.7, "1:00 h"),
        (7380, "2:03 h"),
    ],
)
def test_durations_stay_short(duration_s: float | None, shown: str) -> None:
    assert plain.seconds(duration_s) == shown


def test_nouns_agree_with_their_number() -> None:
    assert (plain.some(1, "node"), plain.some(1_200, "node")) == ("1 node", "1,200 nodes")
