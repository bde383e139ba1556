"""`Prefer`, `Accept`, `Idempotency-Key`, `traceparent`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from server.preferences import Patience, idempotency_key, patience, traceparent, wants_events
from server.problems import Refused

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def headers(**values: str) -> Headers:
    return Headers({name.replace("_", "-"): value for name, value in values.items()})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Patience()),
        ("respond-async", Patience(respond_async=True)),
        ("Respond-Async", Patience(respond_async=True)),
        ("wait=10", Patience(wait_s=10)),
        ('wait="10"', Patience(wait_s=10)),
        ("wait = 10 ; foo=1, respond-async", Patience(respond_async=True, wait_s=10)),
        ("wait=1, wait=2", Patience(wait_s=1)),
        ("wait=-1", Patience()),
        ("wait=1.5", Patience()),
        ("wait=99999999999999999999", Patience()),
        ("wait", Patience()),
        ("return=minimal, ,;,=", Patience()),
    ],
)
def test_prefer_is_read_as_rfc_7240_has_it(text: str, expected: Patience) -> None:
    assert patience(headers(prefer=text)) == expected


def test_several_prefer_lines_are_one_list() -> None:
    lines = Headers(raw=[(b"prefer", b"respond-async"), (b"prefer", b"wait=3")])
    assert patience(lines) == Patience(respond_async=True, wait_s=3)


@pytest.mark.parametrize(
    ("asked", "seconds", "applied"),
    [
        (Patience(), 50.0, {}),
        (Patience(respond_async=True), 0.0, {"Preference-Applied": "respond-async"}),
        (Patience(wait_s=3), 3.0, {"Preference-Applied": "wait=3"}),
        (Patience(wait_s=300), 50.0, {"Preference-Applied": "wait=50"}),
        (Patience(respond_async=True, wait_s=3), 3.0, {"Preference-Applied": "respond-async, wait=3"}),
    ],
)
def test_nobody_waits_longer_than_the_server_does(asked: Patience, seconds: float, applied: dict[str, str]) -> None:
    assert asked.seconds(50.0) == seconds
    assert asked.applied(50.0) == applied


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/event-stream", True),
        ("TEXT/Event-Stream; charset=utf-8", True),
        ("text/event-stream, application/json", True),
        ("application/json, text/event-stream", False),
        ("application/json;q=0.5, text/event-stream", True),
        ("text/event-stream;q=0", False),
        ("text/event-stream;q=nonsense", False),
    ],
)
def test_the_event_stream_is_for_those_who_ask_for_it_first(accept: str, expected: bool) -> None:
    assert wants_events(headers(accept=accept)) is expected


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=60))
def test_no_header_makes_the_readers_fail(text: str) -> None:
    value = headers(prefer=text, accept=text, traceparent=text)
    patience(value)
    wants_events(value)
    traceparent(value)


def test_a_key_is_kept_as_it_is() -> None:
    assert idempotency_key(headers()) is None
    assert idempotency_key(headers(idempotency_key="k" * 255)) == "k" * 255


@pytest.mark.parametrize("key", ["", " ", "a b", "k" * 256, "gr\u00fcn", "a\tb"])
def test_a_key_that_is_not_visible_ascii_is_refused(key: str) -> None:
    with pytest.raises(Refused) as refused:
        idempotency_key(headers(idempotency_key=key))
    assert refused.value.problem.kind.status == 400


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (TRACE, True),
        (TRACE.replace("00-", "ff-", 1), False),
        (TRACE.upper(), False),
        ("00-" + "0" * 32 + "-00f067aa0ba902b7-01", False),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01", False),
        (TRACE + "-more", False),
        ("", False),
    ],
)
def test_only_a_valid_trace_context_is_passed_on(text: str, kept: bool) -> None:
    assert traceparent(headers(traceparent=text)) == (text if kept else None)
