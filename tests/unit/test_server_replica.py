"""Which replicas can be added: base URLs, and nothing that only looks like one."""

import contextlib
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from rao_runtime.adapters.openai_http import OpenAiReplica
from server.schemas.replica import NewReplica


def taken(**fields: object) -> NewReplica:
    return NewReplica.model_validate(fields)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://host:8000", "http://host:8000"),
        ("http://host:8000/", "http://host:8000"),
        ("http://host:8000/v1", "http://host:8000"),
        ("http://host:8000/v1/", "http://host:8000"),
        ("https://host/models/a/v1", "https://host/models/a"),
        ("http://10.0.0.7", "http://10.0.0.7"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://vllm-0.vllm:8000", "http://vllm-0.vllm:8000"),
    ],
)
def test_a_base_url_is_taken_without_the_protocols_own_path(url: str, base: str) -> None:
    assert taken(url=url) == NewReplica(url=base, slots=None)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host:8000",
        "//host:8000",
        "ftp://host",
        "file:///etc/passwd",
        "unix:///run/vllm",
        "http://",
        "http://:8000",
        "http:///v1",
        "http://host:0",
        "http://host:65536",
        "http://host:port",
        "http://user@host",
        "http://user:secret@host",
        "http://@host",
        "http://host?key=1",
        "http://host?",
        "http://host#top",
        "http://host#",
        " http://host",
        "http://host\n",
        "http://ho st",
        "http://host/\x00",
        "http://host\\@other",
        "http://a:1,http://b:2",
        "http://[::1",
        "http://999.1.1.1",
        "http://" + "h" * 2048,
    ],
)
def test_what_is_no_base_url_is_refused_and_not_echoed(url: str) -> None:
    with pytest.raises(ValidationError) as raised:
        taken(url=url)
    [fault] = raised.value.errors(include_input=False)
    assert fault["loc"] == ("url",)
    assert "base URL such as `http://host:8000`" in fault["msg"] or "at most 2048" in fault["msg"]
    assert "secret" not in fault["msg"]


@pytest.mark.parametrize("slots", [0, -1, 100_001, True, 1.0, "8", float("inf"), [8]])
def test_slots_are_a_whole_number_within_bounds(slots: object) -> None:
    with pytest.raises(ValidationError):
        taken(url="http://host", slots=slots)
    assert taken(url="http://host", slots=100_000).slots == 100_000


@pytest.mark.parametrize("fields", [{}, {"url": None}, {"url": ["http://host"]}, {"url": "http://host", "model": "m"}])
def test_nothing_is_guessed_or_let_through(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        taken(**fields)


@given(st.builds("http://{}".format, st.text(st.characters(codec="utf-8"), max_size=40)))
@example("http://a%zz")
@example("http://\u2100")
@example("http://xn--a")
@example("http://a/..")
@example("http://a/\u202e")
def test_whatever_is_taken_is_a_url_that_can_be_asked(url: str) -> None:
    with contextlib.suppress(ValidationError):
        base = taken(url=url).url
        parts = urlsplit(base)
        assert parts.hostname
        assert {parts.username, parts.password, parts.query, parts.fragment} <= {None, ""}
        assert base.isprintable()
        assert OpenAiReplica(base).name == base
