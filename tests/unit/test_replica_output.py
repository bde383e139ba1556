"""What a replica says becomes lines of the log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.adapters.replica_output import LINE_BYTES, Lines

pieces = st.lists(st.text(alphabet="ab \r\né", max_size=20).map(str.encode) | st.binary(max_size=9), max_size=30)


def lines_of(*data: bytes) -> list[str]:
    lines = Lines()
    return [line for each in data for line in lines.feed(each)] + list(lines.flush())


def test_each_line_is_one_whatever_pieces_it_comes_in() -> None:
    assert lines_of(b"first\nsec", b"ond\nthi", b"rd") == ["first", "second", "third"]


@given(pieces)
def test_pieces_make_no_difference(data: list[bytes]) -> None:
    assert lines_of(*data) == lines_of(b"".join(data))


@given(st.lists(st.text(alphabet="abé ", min_size=1).map(lambda text: f"{text}.")))
def test_lines_come_through_as_they_are(said: list[str]) -> None:
    assert lines_of("\n".join(said).encode()) == said


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert lines_of(b"a\xffb\n") == ["a\ufffdb"]


@pytest.mark.parametrize("chunk", [1, 999, LINE_BYTES * 3])
def test_a_line_is_cut_at_its_stated_length_and_says_so(chunk: int) -> None:
    said = b"x" * (LINE_BYTES + 7) + b"\nnext\n"
    assert lines_of(*[said[at : at + chunk] for at in range(0, len(said), chunk)]) == [
        f"{'x' * LINE_BYTES} … (7 bytes more)",
        "next",
    ]


def test_a_progress_bar_tells_its_end_only() -> None:
    assert lines_of(b"loading 1%\rloading 50%", b"\r", b"loading 100%\r\nready\r\n\r\n") == ["loading 100%", "ready"]


def test_lines_without_anything_on_them_are_left_out() -> None:
    assert lines_of(b"\n  \n\t\r\na\n") == ["a"]
