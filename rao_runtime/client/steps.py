"""The border between deciding and doing: what a plan asks for, and what it is told.

A plan is a generator. It yields steps, is sent what came of each of them, and returns its result. Plans open no socket,
read no clock but the one they are given, and never wait: so one text serves the sync and the async client, and a test
can be the network.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request. `silence_s`: for how long the reply may send nothing."""

    method: str
    path: str
    silence_s: float
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a request; be told the whole Answer, or Lost."""

    request: Request


@dataclass(frozen=True, slots=True)
class Open:
    """Send a request whose answer is a stream; be told the Answer, without a body if it is a success, or Lost."""

    request: Request


@dataclass(frozen=True, slots=True)
class Read:
    """Be told the next bytes of the open stream, or Lost, which its end is too."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait; be told nothing of interest."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server replied. Names of headers are in lowercase."""

    status: int
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    @property
    def is_success(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Lost:
    """There is no reply, or not the whole of it. Whether the server took the request is not known.

    `is_ours`: the caller interrupted the step, so nothing is wrong with the server.
    """

    why: str
    is_ours: bool = False


Step: TypeAlias = Ask | Open | Read | Pause
Told: TypeAlias = Answer | bytes | Lost | None

# A step decides what its plan is told (`Told`); a generator's type cannot say so, which is what the Any stands for.
Plan: TypeAlias = Generator[Step, Any, T]
