"""What a cell on Monty keeps from turn to turn, and how a turn of it can end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_monty import ResourceLimits

from rao_runtime.adapters.monty_outside import Outside
from rao_runtime.adapters.monty_values import Settled
from rao_runtime.adapters.sandbox_printed import Printed
from rao_runtime.ports import CellLimits, FailedValue

_RECURSION = 500
_UNLIMITED = 2**31 - 1  # suspensions are counted here, per cell; Monty's own count starts anew with every check-out


@dataclass(slots=True, kw_only=True)
class Cell:
    """What a cell keeps from turn to turn."""

    base: bytes
    functions: tuple[str, ...]
    limits: CellLimits
    printed: Printed
    outside: Outside
    failures: Mapping[FailedValue, None]
    spent_s: float = 0.0
    suspensions: int = 0
    early: dict[int, Settled] = field(default_factory=dict[int, Settled])


@dataclass(frozen=True, slots=True)
class Called:
    """The cell called a host function; the worker waits for `Turn.reply`."""

    id: int
    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Everything in the cell waits; `parked` is all of it."""

    parked: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The cell ended, with an exception if there is an `error`; `state` is the session after it.

    `state` is None where nothing ran, so that not even the inputs were set.
    """

    state: bytes | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """The worker's session is lost: a limit fired, or it crashed."""

    reason: str
    message: str


TurnEvent = Called | Waiting | Ended | Broken


def resources(limits: CellLimits) -> ResourceLimits:
    """The limits as the worker enforces them."""
    return ResourceLimits(
        max_feed_duration_secs=limits.run_s,
        max_turn_duration_secs=limits.run_s,
        max_memory=limits.memory_bytes,
        max_recursion_depth=_RECURSION,
        max_suspensions=_UNLIMITED,
        max_total_sleep_secs=1.0,
    )
