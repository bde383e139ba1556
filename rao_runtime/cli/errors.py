"""What can keep a command from its answer, and the exit status that tells a script which it was.

CliError
├── BadInput       what was typed makes no sense                       2
├── NoAnswer       the server said no with a 4xx: 2; with anything else,
│                  or there is no server, or not one of ours: 3
├── CannotListen   a server's own port is not to be had                1
└── CannotStart    a server cannot have its store, or its own vLLM     1
"""

from collections.abc import Sequence

COMPLETED = 0
FAILED = 1
USAGE = 2
UNREACHABLE = 3
INTERRUPTED = 130


class CliError(Exception):
    """Ends a command with a message for people: a first line, then details."""

    def __init__(self, message: str, details: Sequence[str] = (), *, status: int) -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)
        self.status = status


class BadInput(CliError):
    """What was typed makes no sense."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=USAGE)


class NoAnswer(CliError):
    """The server declined, or there is none."""


class CannotStart(CliError):
    """A server cannot have what it needs: the store of its trees, or the program of its local replicas."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=FAILED)


class CannotListen(CliError):
    """A server cannot have the port it was given."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=FAILED)
