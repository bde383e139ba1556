"""A refusal as a value: an RFC 9457 problem, or just its status where the body is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with a request: where (`("limits", "max_depth")`) and what."""

    loc: tuple[str | int, ...]
    msg: str

    def __str__(self) -> str:
        where = ".".join(map(str, self.loc))
        return f"{where}: {self.msg}" if where else self.msg


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What the server said. `type` tells problems apart, `detail` is for people; both are "" where it said nothing.

    `is_ours` is False for the answer of a proxy, or of some other server: all there is then is the status.
    """

    status: int
    url: str
    title: str
    type: str = ""
    detail: str = ""
    faults: tuple[Fault, ...] = ()
    request_id: str | None = None
    retry_after_s: float | None = None
    is_ours: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)

    def __str__(self) -> str:
        told = [self.detail if self.detail != self.title else "", *map(str, self.faults)]
        return ": ".join([f"{self.title} ({self.status})", "; ".join(filter(None, told))]).removesuffix(": ")
