"""Why there is no answer, as people at a terminal read it."""

from typing import Any

import pytest

from rao_runtime.cli.api import connected
from rao_runtime.cli.errors import UNREACHABLE, USAGE, BadInput, CliError
from rao_runtime.cli.problems import explained
from rao_runtime.client import StrangeAnswer, Unreachable
from rao_runtime.client.problems import refusal
from rao_runtime.client.steps import Answer
from tests.unit.client_play import URL, json_answer


def refused(status: int, problem: dict[str, Any], **headers: str) -> CliError:
    return explained(refusal(json_answer(problem, status, **headers)))


def test_a_problem_is_its_title_its_detail_and_its_errors() -> None:
    problem: dict[str, Any] = {
        "title": "The request cannot be accepted",
        "status": 422,
        "detail": "2 things are wrong",
        "errors": [{"loc": ["limits", "max_depth"], "msg": "too deep"}, {"loc": [], "msg": "no"}],
    }
    error = refused(422, problem)
    assert error.message == "The request cannot be accepted (422)"
    assert error.details == ("2 things are wrong", "limits.max_depth: too deep", "no")
    assert error.status == USAGE


def test_a_crowd_of_errors_is_cut() -> None:
    error = refused(422, {"title": "No", "errors": [{"loc": ["x", i], "msg": "bad"} for i in range(500)]})
    assert len(error.details) == 21
    assert error.details[-1] == "… and 480 more"


def test_a_server_without_room_is_not_the_callers_fault() -> None:
    error = refused(503, {"title": "No room", "detail": "No room"}, retry_after="7")
    assert error.details == ("Try again in 7 s.",)
    assert error.status == UNREACHABLE


@pytest.mark.parametrize("body", [b"<html>", b'"text"', b"[]", b'{"error": {"message": "Not Found"}}'])
def test_some_other_server_is_taken_for_what_it_is(body: bytes) -> None:
    error = explained(refusal(Answer(status=404, url=URL, body=body)))
    assert error.message == "Not Found (404)"
    assert error.details == (f"{URL} did not answer as a rao server does; is it one?",)


def test_no_server_says_how_to_get_one() -> None:
    error = explained(Unreachable(URL, "Connection refused"))
    assert (error.message, error.status) == (f"cannot reach {URL}: Connection refused", UNREACHABLE)
    assert "rao serve" in error.details[0]


def test_an_answer_that_makes_no_sense_is_no_servers_of_ours() -> None:
    error = explained(StrangeAnswer(URL))
    assert (error.message, error.status) == (f"{URL} did not answer as a rao server does; is it one?", UNREACHABLE)


def test_a_problem_cannot_write_to_the_terminal_what_it_likes() -> None:
    assert refused(400, {"title": "a\x1b[2Jb\nc"}).message == "a\ufffd[2Jb c (400)"


def test_what_is_no_server_is_bad_input() -> None:
    with pytest.raises(BadInput, match="is not the URL of a server"):
        connected("ftp://x")
