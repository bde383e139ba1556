"""What passes between a running cell and its host: calls, replies, outcomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

CELL_FUNCTIONS = ("launch_subagent", "finish", "fail", "publish", "budget")
"""What cells can call besides Python and tools; those of a flat node all but the first."""


@dataclass(frozen=True, slots=True)
class HostCall:
    """The cell called a host function. `call_id` is unique in the session; arguments are plain values (see Session)."""

    call_id: int
    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Return:
    """Answer a call with this value (plain values, FailedValue included, at any depth)."""

    value: Any


@dataclass(frozen=True, slots=True)
class Raise:
    """Answer a call with an exception; `exc_type` is a built-in exception's name."""

    exc_type: str
    message: str


@dataclass(frozen=True, slots=True)
class Later:
    """The call is an awaitable: the cell goes on, and gets the result through `Session.resume`."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The call is synchronous, its answer takes time: park the cell here until `Session.resume` brings it."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Do not run this cell any further."""


class Host(Protocol):
    """Answers a cell's calls."""

    def call(self, call: HostCall) -> Return | Raise | Later | Hold | Stop:
        """Decide at once; never blocks."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a cell printed, and the value of a last expression. `dropped_chars` counts what a cap cut off the end."""

    text: str = ""
    dropped_chars: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """Everything in the cell waits. No worker is held.

    `pending` are calls somebody awaits, sorted; `held` is the synchronous call the cell stands at, if any. `output` is
    all the cell has printed so far. `cell_s` in every outcome is the cell's execution time so far, without waiting.
    """

    pending: tuple[int, ...]
    held: int | None
    output: Output
    cell_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The cell ran to its end."""

    output: Output
    cell_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """The cell raised, or was not Python. What it had defined before stays. `error` is a traceback a model can read."""

    error: str
    output: Output
    cell_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A call was answered with Stop. The session is at its end."""

    output: Output
    cell_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """A limit fired (`time`, `memory`, `output`, `calls`) or the worker died (`crash`).

    Variables are again as they were before this cell; the session can run another.
    """

    reason: str
    message: str
    output: Output
    cell_s: float


Outcome = Parked | Done | Raised | Stopped | Killed
