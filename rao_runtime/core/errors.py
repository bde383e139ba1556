"""Every error of the runtime.

RaoError
├── RequestError            the caller's fault: answered with a 4xx problem
│   ├── InvalidRequest      422, with the places that are wrong
│   ├── UnknownTree         404
│   ├── UnknownNode         404
│   ├── TreeRunning         409, deleting a tree that still runs
│   ├── UnknownReplica      404
│   ├── ReplicaKnown        409, adding a replica that is there already
│   └── KeyReused           422, an idempotency key with another body
├── Overloaded              503, try again after `retry_after_s`
├── JournalUnavailable      503, the store of trees cannot be used now
├── ModelError              one attempt at a replica failed
├── SandboxError            the sandbox itself failed, not the code in it
├── CannotReplay            another runtime began this tree; one like it may go on with it
├── ReplayMismatch          what runs again is not what the journal says ran
└── JournalError
    ├── StaleFence          somebody else owns the tree now: stop, write nothing
    ├── LetGo               this process gives the tree up: stop, write nothing but what was spent
    └── SequenceConflict    an append that does not follow the last event
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar, cast

E = TypeVar("E", bound=BaseException)


class RaoError(Exception):
    """Base of every error raised on purpose."""


class RequestError(RaoError):
    """The caller asked for something that cannot be done."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request: where (`("limits", "max_depth")`) and what."""

    loc: tuple[str | int, ...]
    msg: str


class InvalidRequest(RequestError):
    """A request that is well-formed but cannot be accepted."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, f.loc))}: {f.msg}" for f in faults))
        self.faults = tuple(faults)


class UnknownTree(RequestError):
    """No such tree, or not one of this tenant."""

    def __init__(self, tree_id: str) -> None:
        super().__init__(f"no tree {tree_id}")
        self.tree_id = tree_id


class UnknownNode(RequestError):
    """The tree has no such node."""

    def __init__(self, tree_id: str, node_id: str) -> None:
        super().__init__(f"tree {tree_id} has no node {node_id}")
        self.tree_id = tree_id
        self.node_id = node_id


class TreeRunning(RequestError):
    """The tree must end before it can be deleted."""

    def __init__(self, tree_id: str) -> None:
        super().__init__(f"tree {tree_id} is still running; cancel it first")
        self.tree_id = tree_id


class UnknownReplica(RequestError):
    """This process has no such replica, or no longer."""

    def __init__(self, replica_id: str) -> None:
        super().__init__(f"no replica {replica_id}")
        self.replica_id = replica_id


class ReplicaKnown(RequestError):
    """A replica of this URL is there already."""

    def __init__(self, url: str, replica_id: str) -> None:
        super().__init__(f"{url} is there already, as replica {replica_id}")
        self.url = url
        self.replica_id = replica_id


class KeyReused(RequestError):
    """An idempotency key came back with a different body."""

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key was used with a different request body")


class Overloaded(RaoError):
    """No room for another tree now."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class JournalUnavailable(RaoError):
    """The store of trees cannot be used now; nothing is lost, the call can be repeated."""


class FailureKind(StrEnum):
    """What went wrong with an attempt; `core.retry` says what follows from it."""

    REJECTED = "rejected"  # 400, 404, 422: the same request will fail again
    BUSY = "busy"  # 503, 429: back-pressure, not a fault of the replica
    SERVER = "server"  # other 5xx, or an error event inside a 200 stream
    UNREACHABLE = "unreachable"  # no connection
    BROKEN = "broken"  # the stream ended without a finish, or was not a stream
    TIMEOUT = "timeout"  # no first token, or no further token, in time


class ModelError(RaoError):
    """One attempt failed. `status` is the HTTP status, if any; `retry_after_s` what the replica asked for."""

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status
        self.retry_after_s = retry_after_s


class SandboxError(RaoError):
    """The sandbox could not run a cell at all (no worker in time, a worker that died and could not be replaced)."""


class CannotReplay(RaoError):
    """This process cannot go on with a tree that another version of the runtime began."""


class ReplayMismatch(RaoError):
    """A node that runs again does something else than its journal says."""


class JournalError(RaoError):
    """The journal refused a write."""


class StaleFence(JournalError):
    """A newer owner has claimed the tree."""


class LetGo(JournalError):
    """This process has given the tree up; whoever claims it next goes on."""


class SequenceConflict(JournalError):
    """The append does not start right after the journal's last event."""


def find(kind: type[E], error: BaseException) -> E | None:
    """The first error of this kind in what was raised, alone or in a task group."""
    if isinstance(error, BaseExceptionGroup):
        inner = (find(kind, each) for each in cast("BaseExceptionGroup[BaseException]", error).exceptions)
        return next((found for found in inner if found is not None), None)
    return error if isinstance(error, kind) else None
