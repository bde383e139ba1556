"""Errors as RFC 9457 problems."""

import json
from collections.abc import Iterator

import pytest

from rao_runtime.core.errors import FailureKind as Failure
from rao_runtime.core.errors import (
    Fault,
    InvalidRequest,
    KeyReused,
    ModelError,
    Overloaded,
    RaoError,
    ReplicaKnown,
    RequestError,
    TreeRunning,
    UnknownNode,
    UnknownReplica,
    UnknownTree,
)
from server.problems import INVALID, KINDS, TABLE, Problem, problem_of, retry_after


def leaves(cls: type[RaoError]) -> Iterator[type[RaoError]]:
    below = cls.__subclasses__()
    return (leaf for each in below for leaf in leaves(each)) if below else iter([cls])


def test_every_error_that_is_the_callers_fault_has_a_problem() -> None:
    assert set(leaves(RequestError)) <= set(TABLE)
    assert set(TABLE.values()) <= set(KINDS)


def test_no_two_kinds_share_a_type() -> None:
    assert len({kind.urn for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidRequest([Fault(("limits", "max_depth"), "too deep")]), 422),
        (UnknownTree("t"), 404),
        (UnknownNode("t", "n"), 404),
        (TreeRunning("t"), 409),
        (UnknownReplica("r9"), 404),
        (ReplicaKnown("http://a:8001", "r1"), 409),
        (KeyReused(), 422),
        (Overloaded("full", retry_after_s=3.2), 503),
    ],
)
def test_an_error_becomes_its_problem(error: RaoError, status: int) -> None:
    problem = problem_of(error)
    assert problem is not None
    answer = problem.response("/a path/\u00fc")
    body = json.loads(bytes(answer.body))
    assert answer.status_code == body["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"].startswith("urn:rao:problem:")
    assert body["instance"] == "/a%20path/%C3%BC"
    assert ("errors" in body) is (status == 422)
    assert ("retry-after" in answer.headers) is (status == 503)


def test_a_replica_that_is_there_is_named() -> None:
    problem = problem_of(ReplicaKnown("http://a:8001", "r1"))
    assert problem is not None
    assert json.loads(bytes(problem.response("/replicas").body))["replica_id"] == "r1"


def test_an_error_of_the_inside_has_none() -> None:
    assert problem_of(ModelError(Failure.SERVER, "secret")) is None


def test_the_faults_of_a_request_are_listed() -> None:
    answer = Problem(kind=INVALID, detail="", faults=[Fault(("tools", 0), "unknown")]).response("/solve")
    assert json.loads(bytes(answer.body))["errors"] == [{"loc": ["tools", 0], "msg": "unknown"}]


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "1"), (1.0, "1"), (1.2, "2"), (60.0, "60")])
def test_retry_after_is_whole_seconds(seconds: float, header: str) -> None:
    assert retry_after(seconds) == {"Retry-After": header}
