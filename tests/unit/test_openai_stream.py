"""Bytes to events to a completion: the same result however the network cuts them."""

from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.adapters.openai_completion import Completion
from rao_runtime.adapters.openai_sse import MAX_EVENT_BYTES, SseParser
from rao_runtime.adapters.stop_text import StopText
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.usage import Tokens
from tests.integration.raw_server import DONE, chunk, sse, usage_chunk

EVENTS = (
    b": a comment\n\nevent: message\nid: 7\nretry: 10\ndata: one\n\n"
    b"data:two\r\n\r\n\r\ndata: three\ndata: of three\ndata:\n\n: ping\n\ndata: \xc3\xa9\xf0\x9f\x8d\x8e\r\r"
    b"nonsense\ndatax: no\ndata\n\ndata:  indented\n\ndata: last\r\n\r\n"
)
PARSED = [b"one", b"two", b"three\nof three\n", b"\xc3\xa9\xf0\x9f\x8d\x8e", b" indented", b"last"]


def cuts_of(data: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in at), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def parse(pieces: list[bytes]) -> list[bytes]:
    parser = SseParser()
    return [event for piece in pieces for event in parser.feed(piece)]


@given(at=st.lists(st.integers(0, 10_000), max_size=60))
def test_events_do_not_depend_on_how_the_bytes_were_cut(at: list[int]) -> None:
    assert parse(cuts_of(EVENTS, at)) == PARSED


def test_events_come_whole_from_single_bytes() -> None:
    assert parse([bytes([byte]) for byte in EVENTS]) == PARSED


@given(data=st.binary(max_size=300), at=st.lists(st.integers(0, 300), max_size=20))
def test_no_bytes_break_the_parser_and_no_cut_changes_what_they_mean(data: bytes, at: list[int]) -> None:
    assert parse(cuts_of(data, at)) == parse([data])


def test_an_event_is_out_with_its_last_byte_whatever_ends_its_lines() -> None:
    for end in (b"\n", b"\r\n", b"\r"):
        assert parse([b"data: x" + end + end]) == [b"x"]


def test_the_end_of_the_stream_completes_an_event_without_an_empty_line() -> None:
    parser = SseParser()
    assert parser.feed(b"data: [DONE]") == []
    assert parser.rest() == [b"[DONE]"]
    assert parser.rest() == []


def test_a_byte_order_mark_is_skipped() -> None:
    assert parse([b"\xef\xbb", b"\xbfdata: x\n\n"]) == [b"x"]


@pytest.mark.parametrize("line", [b"x" * 65_536, b"data: " + b"x" * 65_530 + b"\n"], ids=["one line", "many lines"])
def test_an_event_of_more_than_four_mebibytes_is_refused(line: bytes) -> None:
    with pytest.raises(ModelError) as refused:
        parse([line] * (MAX_EVENT_BYTES // len(line) + 2))
    assert refused.value.kind is FailureKind.BROKEN


def test_a_long_stream_of_small_events_is_not_refused() -> None:
    parser = SseParser()
    piece = (b"data: " + b"x" * 1_000 + b"\n\n: ping\n\n") * 64
    assert sum(len(parser.feed(piece)) for _ in range(100)) == 6_400


STREAM = (
    chunk(role="assistant", content="", usage=(9, 0))
    + chunk(reasoning="hm", usage=(9, 1))
    + chunk("é🍎 one", usage=(9, 3))
    + chunk(" two</py", usage=(9, 4))
    + chunk("lon> three", usage=(9, 6))
    + chunk("</python> never", finish="stop", usage=(9, 8))
    + usage_chunk(9, 8, cached=4)
    + DONE
)


@given(at=st.lists(st.integers(0, 10_000), max_size=60))
def test_a_completion_does_not_depend_on_how_the_bytes_were_cut(at: list[int]) -> None:
    parser = SseParser()
    completion = Completion(["</python>"])
    text = "".join(completion.take(parser.feed(piece)) for piece in cuts_of(STREAM, at)) + completion.rest()
    assert text == "é🍎 one two</pylon> three"
    assert (completion.reason, completion.over, completion.cut_off) == ("stop", True, False)
    assert completion.tokens == Tokens(input=9, cached=4, output=8)
    assert completion.failure is None


def take(*events: object, stop: tuple[str, ...] = ()) -> tuple[str, Completion]:
    completion = Completion(stop)
    return completion.take([orjson.dumps(event) for event in events]), completion


def choice(**fields: object) -> dict[str, object]:
    return {"choices": [{"index": 0, **fields}]}


@pytest.mark.parametrize(
    "event",
    [
        [],
        1,
        "text",
        None,
        {"choices": {"0": 1}},
        {"choices": ["x"]},
        {"choices": 3},
        choice(delta="text"),
        choice(delta={"content": 1}),
        choice(delta={"content": ["a"]}),
        choice(delta={"content": "x"}, finish_reason=1),
        choice(delta={"content": "x"}, finish_reason=["stop"]),
    ],
    ids=repr,
)
def test_a_chunk_of_another_shape_is_broken(event: object) -> None:
    text, completion = take(event)
    assert text == ""
    assert completion.over
    assert completion.failure is not None
    assert completion.failure.kind is FailureKind.BROKEN


@pytest.mark.parametrize("data", [b"{", b"", b"\xff\xfe", b'{"choices": [{"delta": {"content": "\xff"}}]}', b"<html>"])
def test_an_event_that_is_not_json_is_broken(data: bytes) -> None:
    completion = Completion(())
    assert completion.take([data]) == ""
    assert completion.failure is not None
    assert completion.failure.kind is FailureKind.BROKEN


NOTHING: list[object] = [
    {},
    {"choices": []},
    {"choices": None, "usage": None},
    {"choices": [{}]},
    choice(delta=None),
    choice(delta={}),
    choice(delta={"content": None, "role": "assistant"}, finish_reason=None),
    {"usage": {"prompt_tokens": "9", "completion_tokens": True}},
    {"usage": {"prompt_tokens": -1, "completion_tokens": 1}},
    {"usage": []},
    {"error": None, "choices": []},
]


@pytest.mark.parametrize("event", NOTHING, ids=repr)
def test_a_chunk_that_says_nothing_is_passed_over(event: object) -> None:
    text, completion = take(event)
    assert (text, completion.begun, completion.over, completion.tokens) == ("", False, False, None)


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_is_progress_and_no_text(field: str) -> None:
    text, completion = take(choice(delta={field: "thinking", "content": None}))
    assert (text, completion.begun, completion.events) == ("", True, 1)


@pytest.mark.parametrize(
    "event",
    [
        {"error": {"message": "out of memory", "type": "x", "code": 500}},
        {"error": "out of memory"},
        {"object": "error", "message": "out of memory"},
        choice(delta={"content": ""}, finish_reason="abort"),
        choice(delta={}, finish_reason="error"),
    ],
    ids=repr,
)
def test_an_error_inside_the_stream_is_the_servers_and_text_before_it_is_kept(event: object) -> None:
    text, completion = take(choice(delta={"content": "some"}), event, choice(delta={"content": "never"}))
    assert text == "some"
    assert completion.over
    assert completion.failure is not None
    assert completion.failure.kind is FailureKind.SERVER


def test_an_error_after_the_finish_changes_nothing() -> None:
    text, completion = take(choice(delta={"content": "all"}, finish_reason="stop"), {"error": {"message": "late"}})
    assert (text, completion.reason, completion.failure) == ("all", "stop", None)


def test_cached_tokens_are_never_more_than_the_prompt() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 9}}
    assert take({"usage": usage})[1].tokens == Tokens(input=3, cached=3, output=1)


def test_a_server_that_ignores_stop_strings_is_cut_off() -> None:
    text, completion = take(
        choice(delta={"content": "a</python>b"}), choice(delta={"content": "c"}), stop=("</python>",)
    )
    assert (text, completion.reason, completion.over, completion.cut_off) == ("a", "stop", True, True)


def test_a_server_that_includes_the_stop_string_ends_by_itself() -> None:
    text, completion = take(
        choice(delta={"content": "a</python>"}), choice(delta={}, finish_reason="length"), stop=("</python>",)
    )
    assert (text, completion.reason, completion.cut_off) == ("a", "stop", False)


@given(
    text=st.text("ab<>", max_size=40),
    stops=st.lists(st.text("ab<>", max_size=4), max_size=3),
    at=st.lists(st.integers(0, 40), max_size=10),
)
def test_a_text_ends_at_its_first_whole_stop_string_wherever_it_was_cut(
    text: str, stops: list[str], at: list[int]
) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in at), len(text)]
    cutter = StopText(stops)
    shown = [cutter.feed(text[a:b]) for a, b in pairwise(edges)]
    places = [(place + len(stop), place) for stop in stops if stop and (place := text.find(stop)) >= 0]
    assert "".join(shown) + cutter.rest() == text[: min(places)[1] if places else len(text)]
    assert cutter.stopped == bool(places)


def test_the_stop_string_that_is_complete_first_counts_however_the_text_comes() -> None:
    whole, parts = StopText([">", "<><"]), StopText([">", "<><"])
    assert whole.feed("<<><") == parts.feed("<<>") + parts.feed("<") == "<<"


def test_sse_helper_and_parser_agree() -> None:
    assert parse([sse({"a": 1})]) == [b'{"a":1}']
