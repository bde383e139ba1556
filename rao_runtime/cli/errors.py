"""What can keep a command from its answer, and the exit status that tells a script which it was.

CliError
├── BadInput       what was typed makes no sense                          2
├── Refused        the server said no: 2 for a 4xx, 3 for anything else
├── Unreachable    there is no server, or not one of ours                 3
└── CannotListen   a server's own port is not to be had                   1
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


class Refused(CliError):
    """The server answered with a problem. `http_status` is what it said."""

    def __init__(self, message: str, details: Sequence[str] = (), *, http_status: int) -> None:
        super().__init__(message, details, status=USAGE if 400 <= http_status < 500 else UNREACHABLE)
        self.http_status = http_status


class Unreachable(CliError):
    """No answer, or none that makes sense."""

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message, details, status=UNREACHABLE)


class CannotListen(CliError):
    """A server cannot have the port it was given."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=FAILED)
