"""The server's clock, as a client guesses it."""

import pytest

from rao_runtime.cli.server_time import ServerTime, from_http, from_iso


def test_nothing_is_known_before_anything_was_heard() -> None:
    assert ServerTime().now(5.0) is None


def test_time_goes_on_from_what_was_heard() -> None:
    time = ServerTime()
    time.heard(1000.0, at=10.0)
    assert time.now(12.5) == 1002.5


def test_old_events_of_a_replay_do_not_set_the_clock_back() -> None:
    time = ServerTime()
    time.heard(1000.0, at=10.0)
    time.heard(400.0, at=10.5)
    assert time.now(11.0) == 1001.0


def test_a_later_timestamp_moves_the_clock_on() -> None:
    time = ServerTime()
    time.heard(1000.0, at=10.0)
    time.heard(1000.9, at=10.1)
    assert time.now(10.1) == pytest.approx(1000.9)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1970-01-01T00:01:00.500Z", 60.5), ("1970-01-01T01:00:00+01:00", 0.0), ("soon", None), (None, None), (7, None)],
)
def test_timestamps_are_read(text: object, seconds: float | None) -> None:
    assert from_iso(text) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"), [("Thu, 01 Jan 1970 00:01:00 GMT", 60.0), ("yesterday", None), ("", None), (None, None)]
)
def test_date_headers_are_read(text: str | None, seconds: float | None) -> None:
    assert from_http(text) == seconds
