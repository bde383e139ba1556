"""Every way a request can be refused, as RFC 9457 problems. One table leads from the runtime's errors to them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from rao_runtime.core.errors import (
    Fault,
    InvalidRequest,
    JournalUnavailable,
    KeyReused,
    Overloaded,
    RaoError,
    ReplicaKnown,
    TreeRunning,
    UnknownNode,
    UnknownReplica,
    UnknownTree,
)
from server.rendering import encode

STORE_RETRY_S = 2.0
MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: what does not change from one occurrence to the next."""

    slug: str
    title: str
    status: int

    @property
    def urn(self) -> str:
        """The problem's `type`."""
        return f"urn:rao:problem:{self.slug}"


MALFORMED = Kind("malformed-request", "The request could not be read", 400)
BAD_CURSOR = Kind("bad-cursor", "The cursor is not one of ours", 400)
NOT_FOUND = Kind("not-found", "There is nothing at this path", 404)
UNKNOWN_TREE = Kind("unknown-tree", "There is no such tree", 404)
UNKNOWN_NODE = Kind("unknown-node", "The tree has no such node", 404)
UNKNOWN_REPLICA = Kind("unknown-replica", "There is no such replica", 404)
METHOD_NOT_ALLOWED = Kind("method-not-allowed", "This path does not answer this method", 405)
TREE_RUNNING = Kind("tree-running", "The tree is still running", 409)
REPLICA_KNOWN = Kind("replica-known", "The replica is there already", 409)
TOO_LARGE = Kind("body-too-large", "The request body is too large", 413)
UNSUPPORTED_TYPE = Kind("unsupported-media-type", "The request body must be JSON", 415)
INVALID = Kind("invalid-request", "The request cannot be accepted", 422)
KEY_REUSED = Kind("idempotency-key-reused", "The idempotency key belongs to another request", 422)
INTERNAL = Kind("internal-error", "The server failed", 500)
OVERLOADED = Kind("overloaded", "The server has no room now", 503)
NO_STORE = Kind("store-unavailable", "The store of trees cannot be used now", 503)
NOT_READY = Kind("not-ready", "The server is not ready", 503)

KINDS = (
    MALFORMED,
    BAD_CURSOR,
    NOT_FOUND,
    UNKNOWN_TREE,
    UNKNOWN_NODE,
    UNKNOWN_REPLICA,
    METHOD_NOT_ALLOWED,
    TREE_RUNNING,
    REPLICA_KNOWN,
    TOO_LARGE,
    UNSUPPORTED_TYPE,
    INVALID,
    KEY_REUSED,
    INTERNAL,
    OVERLOADED,
    NO_STORE,
    NOT_READY,
)

TABLE: Mapping[type[RaoError], Kind] = {
    InvalidRequest: INVALID,
    UnknownTree: UNKNOWN_TREE,
    UnknownNode: UNKNOWN_NODE,
    TreeRunning: TREE_RUNNING,
    UnknownReplica: UNKNOWN_REPLICA,
    ReplicaKnown: REPLICA_KNOWN,
    KeyReused: KEY_REUSED,
    Overloaded: OVERLOADED,
    JournalUnavailable: NO_STORE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One occurrence. `detail` is for people; `more` holds further members."""

    kind: Kind
    detail: str
    faults: Sequence[Fault] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def response(self, path: str) -> Response:
        """The problem as an answer to a request for `path`."""
        body: dict[str, Any] = {
            "type": self.kind.urn,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "instance": quote(path),
        }
        if self.kind.status == 422:
            body["errors"] = [{"loc": list(fault.loc), "msg": fault.msg} for fault in self.faults]
        return Response(
            encode(body | dict(self.more)),
            status_code=self.kind.status,
            headers=dict(self.headers),
            media_type=MEDIA_TYPE,
        )


class Refused(Exception):
    """The gateway itself turns the request down."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def refusal(kind: Kind, detail: str, faults: Sequence[Fault] = ()) -> Refused:
    """What to raise for a problem that needs no headers."""
    return Refused(Problem(kind=kind, detail=detail, faults=faults))


def problem_of(error: RaoError) -> Problem | None:
    """The problem an error of the runtime stands for; None for one that is not the caller's to see."""
    kind = next((TABLE[cls] for cls in type(error).__mro__ if cls in TABLE), None)
    if kind is None:
        return None
    match error:
        case InvalidRequest():
            return Problem(kind=kind, detail=_count(len(error.faults)), faults=error.faults)
        case KeyReused():
            return Problem(kind=kind, detail=str(error), faults=[Fault(("header", "Idempotency-Key"), str(error))])
        case ReplicaKnown():
            return Problem(kind=kind, detail=str(error), more={"replica_id": error.replica_id})
        case Overloaded():
            return Problem(kind=kind, detail=str(error), headers=retry_after(error.retry_after_s))
        case JournalUnavailable():
            return Problem(kind=kind, detail=str(error), headers=retry_after(STORE_RETRY_S))
        case _:
            return Problem(kind=kind, detail=str(error))


def retry_after(seconds: float) -> dict[str, str]:
    """The header in whole seconds, at least one."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def _count(faults: int) -> str:
    return "1 thing is wrong with the request" if faults == 1 else f"{faults} things are wrong with the request"
