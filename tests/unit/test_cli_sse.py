"""The reader of event streams, fed in every way a network can cut them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.cli.sse import Frame, SseReader

STREAM = (
    "\ufeffretry: 150\r\n\r\n"
    ": ping\n\n"
    "id: 1\nevent: tree.created\ndata: {}\n\n"
    "id:2\rdata:no space\rdata:  two lines, one space kept\r\r"
    "event: nothing\n\n"
    'id: 3\r\nevent: node.created\r\ndata: {"goal": "größer 🍎"}\r\nunknown: field\r\n\r\n'
    "id: 4\ndata: never finished\n"
).encode()
FRAMES = [
    Frame("tree.created", "{}"),
    Frame("message", "no space\n two lines, one space kept"),
    Frame("node.created", '{"goal": "größer 🍎"}'),
]


def read(reader: SseReader, *chunks: bytes) -> list[Frame]:
    return [frame for chunk in chunks for frame in reader.feed(chunk)]


@given(st.sets(st.integers(0, len(STREAM))))
def test_frames_are_the_same_however_the_bytes_are_cut(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    reader = SseReader()
    frames = read(reader, *(STREAM[start:end] for start, end in pairwise(edges)))
    assert frames == FRAMES
    assert reader.last_id == "3"
    assert reader.retry_s == 0.15


def test_byte_by_byte_gives_the_same_frames() -> None:
    assert read(SseReader(), *(STREAM[i : i + 1] for i in range(len(STREAM)))) == FRAMES


def test_what_a_connection_left_unfinished_is_forgotten_but_not_the_cursor() -> None:
    reader = SseReader()
    read(reader, b"id: 7\ndata: whole\n\nid: 8\ndata: cut off\nda")
    reader.reconnected()
    assert reader.last_id == "7"
    assert read(reader, b"data: next\n\n") == [Frame("message", "next")]
    assert reader.last_id == "7"


def test_an_id_without_data_moves_the_cursor_and_gives_no_frame() -> None:
    reader = SseReader()
    assert read(reader, b"id: 5\n\n") == []
    assert reader.last_id == "5"


def test_an_empty_id_resets_the_cursor_and_one_with_a_nul_is_ignored() -> None:
    reader = SseReader()
    read(reader, b"id: 5\ndata: x\n\nid: 6\0\ndata: y\n\n")
    assert reader.last_id == "5"
    read(reader, b"id\ndata: z\n\n")
    assert reader.last_id == ""


@pytest.mark.parametrize("retry", [b"soon", b"-1", b"1.5", b"", "\u0663".encode()])
def test_a_retry_that_is_no_number_changes_nothing(retry: bytes) -> None:
    reader = SseReader()
    before = reader.retry_s
    read(reader, b"retry: " + retry + b"\n\n")
    assert reader.retry_s == before


def test_bytes_that_are_not_utf8_do_not_stop_the_stream() -> None:
    assert read(SseReader(), b"data: \xff\n\ndata: y\n\n") == [Frame("message", "\ufffd"), Frame("message", "y")]
