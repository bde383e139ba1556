"""A server's refusals, as people read them."""

from typing import Any

import httpx
import pytest

from rao_runtime.cli.api import base_url
from rao_runtime.cli.errors import UNREACHABLE, USAGE, BadInput
from rao_runtime.cli.problems import refusal

REQUEST = httpx.Request("POST", "http://here:8000/solve")


def answer(status: int, problem: dict[str, Any], headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, json=problem, request=REQUEST, headers=headers)


def test_a_problem_is_its_title_its_detail_and_its_errors() -> None:
    problem: dict[str, Any] = {
        "title": "The request cannot be accepted",
        "status": 422,
        "detail": "2 things are wrong",
        "errors": [{"loc": ["limits", "max_depth"], "msg": "too deep"}, {"loc": [], "msg": "no"}, "strange"],
    }
    error = refusal(answer(422, problem))
    assert error.message == "The request cannot be accepted (422)"
    assert error.details == ("2 things are wrong", "limits.max_depth: too deep", "no", "")
    assert error.status == USAGE


def test_a_crowd_of_errors_is_cut() -> None:
    error = refusal(answer(422, {"title": "No", "errors": [{"loc": ["x", i], "msg": "bad"} for i in range(500)]}))
    assert len(error.details) == 21
    assert error.details[-1] == "… and 480 more"


def test_a_server_without_room_is_not_the_callers_fault() -> None:
    error = refusal(answer(503, {"title": "No room", "detail": "No room"}, headers={"Retry-After": "7"}))
    assert error.details == ("Try again in 7 s.",)
    assert error.status == UNREACHABLE


@pytest.mark.parametrize("body", ["<html>", '"text"', "[]", '{"error": {"message": "Not Found"}}'])
def test_some_other_server_is_taken_for_what_it_is(body: str) -> None:
    error = refusal(httpx.Response(404, text=body, request=REQUEST))
    assert error.message == "Not Found (404)"
    assert error.details == ("http://here:8000/solve did not answer as a rao server does; is it one?",)


def test_a_problem_cannot_write_to_the_terminal_what_it_likes() -> None:
    assert refusal(answer(400, {"title": "a\x1b[2Jb\nc"})).message == "a\ufffd[2Jb c (400)"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("localhost:8000", "http://localhost:8000"),
        (" https://rao.example/api/ ", "https://rao.example/api"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_server_may_be_named_briefly(typed: str, meant: str) -> None:
    assert base_url(typed) == meant


@pytest.mark.parametrize("typed", ["", "ftp://x", "http://", "http://x:port", "/run/socket"])
def test_what_is_no_server_is_refused(typed: str) -> None:
    with pytest.raises(BadInput):
        base_url(typed)
