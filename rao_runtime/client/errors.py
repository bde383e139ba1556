"""Every error the client raises on purpose.

ClientError
├── Refused            the server answered with a problem, see `problem`
│   ├── NotFound       404: no such tree, node or replica, deleted, or expired
│   ├── Conflict       409: deleting a tree that still runs, adding a replica that is there
│   ├── Invalid        422: the task cannot be accepted; `problem.faults` lists everything that is wrong
│   └── Unavailable    429, 502, 503, 504, longer than the client's patience
├── Unreachable        no reply, longer than the client's patience
├── StrangeAnswer      a reply that is none of a rao server
├── TreeFailed         the tree ended without an answer, see `tree`
└── StillRunning       `wait_s` is over and the tree goes on, see `tree`; also a TimeoutError

What makes no sense before anything is sent (a URL that is none, a task that is no JSON) is a ValueError.
"""

from rao_runtime.client.problem import Problem
from rao_runtime.client.tree import Tree


class ClientError(Exception):
    """Base of them all."""


class Refused(ClientError):
    """The server turned the request down."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    def __str__(self) -> str:
        return str(self.problem)


class NotFound(Refused):
    """There is no such tree, node or replica."""


class Conflict(Refused):
    """The state of the tree, or of the pool, does not allow it."""


class Invalid(Refused):
    """The request is well-formed but cannot be accepted."""


class Unavailable(Refused):
    """The server, or a proxy before it, cannot answer now."""


class Unreachable(ClientError):
    """There was no reply. `why` says what happened instead, the last time."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(url, why)
        self.url = url
        self.why = why

    def __str__(self) -> str:
        return f"cannot reach {self.url}: {self.why}"


class StrangeAnswer(ClientError):
    """Something else answers at this address."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url

    def __str__(self) -> str:
        return f"{self.url} did not answer as a rao server does; is it one?"


class TreeFailed(ClientError):
    """The tree failed, was cancelled or was rejected; `tree.error` says why, `tree.partial` what there is."""

    def __init__(self, tree: Tree) -> None:
        super().__init__(tree)
        self.tree = tree

    def __str__(self) -> str:
        why = "" if self.tree.error is None else f": {self.tree.error}"
        return f"tree {self.tree.tree_id} ended as {self.tree.status}{why}"


class StillRunning(ClientError, TimeoutError):
    """The tree as it was last seen. It goes on; `wait` takes it up again."""

    def __init__(self, tree: Tree) -> None:
        super().__init__(tree)
        self.tree = tree

    def __str__(self) -> str:
        return f"tree {self.tree.tree_id} is still {self.tree.status}"
