"""The reader of event streams, fed in every way a network can cut them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.client.sse import MOST_RETRY_S, Frame, SseReader

STREAM = (
    "\ufeffretry: 150\r\n\r\n"
    ": ping\n\n"
    "id: 1\nevent: tree.created\ndata: {}\n\n"
    "id:2\rdata:no space\rdata:  two lines, one space kept\r\r"
    "event: nothing\n\n"
    'id: 3\r\nevent: node.created\r\ndata: {"goal": "größer 🍎"}\r\nunknown: field\r\n\r\n'
    "data\n\n"
    "id: 4\ndata: never finished\n"
).encode()
FRAMES = [
    Frame("tree.created", "{}"),
    Frame("message", "no space\n two lines, one space kept"),
    Frame("node.created", '{"goal": "größer 🍎"}'),
    Frame("message", ""),
]
LINES = st.sampled_from(
    [b"data: x", b"data", b"event: e", b"retry: 7", b": c", b"id: 1", b"", b"\xef\xbb\xbf", b"\xc3"]
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])


def read(reader: SseReader, *chunks: bytes) -> list[Frame]:
    return [frame for chunk in chunks for frame in reader.feed(chunk)]


@given(st.sets(st.integers(0, len(STREAM))))
def test_frames_are_the_same_however_the_bytes_are_cut(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    reader = SseReader()
    assert read(reader, *(STREAM[start:end] for start, end in pairwise(edges))) == FRAMES
    assert reader.retry_s == 0.15


@given(st.lists(st.tuples(LINES, ENDS)))
def test_any_stream_is_read_the_same_whole_or_in_pieces(lines: list[tuple[bytes, bytes]]) -> None:
    stream = b"".join(line + end for line, end in lines)
    assert read(SseReader(), *(stream[i : i + 1] for i in range(len(stream)))) == read(SseReader(), stream)


def test_byte_by_byte_gives_the_same_frames() -> None:
    assert read(SseReader(), *(STREAM[i : i + 1] for i in range(len(STREAM)))) == FRAMES


def test_what_a_connection_left_unfinished_is_forgotten_but_not_the_pause() -> None:
    reader = SseReader()
    read(reader, b"retry: 7\nevent: x\ndata: cut off\nda")
    reader.reconnected()
    assert read(reader, b"data: next\n\n") == [Frame("message", "next")]
    assert reader.retry_s == 0.007


@pytest.mark.parametrize("retry", [b"soon", b"-1", b"1.5", b"", "\u0663".encode()])
def test_a_retry_that_is_no_number_changes_nothing(retry: bytes) -> None:
    reader = SseReader()
    before = reader.retry_s
    read(reader, b"retry: " + retry + b"\n\n")
    assert reader.retry_s == before


@pytest.mark.parametrize("retry", [b"60001", b"1" + b"0" * 20, b"9" * 5000])
def test_a_retry_that_would_take_forever_is_a_minute(retry: bytes) -> None:
    reader = SseReader()
    read(reader, b"retry: " + retry + b"\n\n")
    assert reader.retry_s == MOST_RETRY_S


def test_bytes_that_are_not_utf8_do_not_stop_the_stream() -> None:
    assert read(SseReader(), b"data: \xff\n\ndata: y\n\n") == [Frame("message", "\ufffd"), Frame("message", "y")]
