"""A server's refusals, as errors and as values."""

import pickle
from typing import Any

import orjson
import pytest

from rao_runtime.client import Conflict, Fault, Invalid, NotFound, Refused, Unavailable
from rao_runtime.client.problems import refusal
from rao_runtime.client.steps import Answer
from tests.unit.client_play import URL, problem


def answer(status: int, body: object, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, url=URL, headers=named, body=body if isinstance(body, bytes) else orjson.dumps(body))


def test_a_problem_is_all_that_the_server_said() -> None:
    said: dict[str, Any] = {
        "type": "urn:rao:problem:invalid-request",
        "title": "The request cannot be accepted",
        "status": 422,
        "detail": "2 things are wrong",
        "errors": [{"loc": ["limits", "max_depth"], "msg": "too deep"}, {"loc": [], "msg": "no"}, "strange"],
        "more": 1,
    }
    error = refusal(answer(422, said, x_request_id="r1"))
    told = error.problem
    assert isinstance(error, Invalid)
    assert (error.status, told.title, told.detail) == (422, "The request cannot be accepted", "2 things are wrong")
    assert (told.type, told.request_id, told.is_ours, told.raw["more"]) == (said["type"], "r1", True, 1)
    assert told.faults == (
        Fault(loc=("limits", "max_depth"), msg="too deep"),
        Fault(loc=(), msg="no"),
        Fault(loc=(), msg=""),
    )
    assert str(error) == ("The request cannot be accepted (422): 2 things are wrong; limits.max_depth: too deep; no")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (404, NotFound),
        (409, Conflict),
        (422, Invalid),
        (429, Unavailable),
        (500, Refused),
        (503, Unavailable),
    ],
)
def test_the_status_chooses_the_error(status: int, kind: type[Refused]) -> None:
    assert type(refusal(problem(status))) is kind


@pytest.mark.parametrize(
    "body", [b"<html>", b'"text"', b"[]", b"", b"\xff", b'{"error": {"message": "No"}}', b"[" * 9999]
)
def test_what_is_no_problem_is_told_by_its_status(body: bytes) -> None:
    error = refusal(answer(502, body))
    assert str(error) == "Bad Gateway (502)"
    assert not error.problem.is_ours


def test_a_status_without_a_name_is_a_refusal_too() -> None:
    assert str(refusal(answer(599, b""))) == "The server refused (599)"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), ("0", 0.0), ("-1", None), ("soon", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("9" * 5000, None)],
)
def test_retry_after_is_a_number_of_seconds(text: str, seconds: float | None) -> None:
    assert refusal(answer(503, b"", retry_after=text)).problem.retry_after_s == seconds


def test_an_error_survives_the_way_to_another_process() -> None:
    error = refusal(problem(409, "Still running"))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(again) is Conflict
    assert again.problem == error.problem
