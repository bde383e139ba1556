"""Where model-written Python runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rao_runtime.ports.cell import Host, Outcome, Raise, Return


@dataclass(frozen=True, slots=True, kw_only=True)
class CellLimits:
    """Bounds of one cell, enforced outside the interpreter. Waiting for calls does not count as time."""

    run_s: float = 10.0
    memory_bytes: int = 64 << 20
    output_bytes: int = 1 << 20
    calls: int = 10_000


class Session(Protocol):
    """One node's REPL: variables live from cell to cell; between cells and while parked it is bytes, not a worker.

    Plain values, in and out: None, bool, int, float, str, bytes, list, tuple, dict, set, frozenset. A function, a
    class, a cyclic value or an instance among a call's arguments never reaches the host: the cell gets a TypeError
    that says so.
    """

    async def run(self, code: str, host: Host, *, now: float, inputs: Mapping[str, Any] | None = None) -> Outcome:
        """Run a cell. `inputs` become variables first. `now` is what the cell's clock starts at (epoch seconds).

        Raises SandboxError.
        """
        ...

    async def resume(self, results: Sequence[tuple[int, Return | Raise]], *, now: float) -> Outcome:
        """Go on with a parked cell, handing back these results in this order (the order decides what runs next)."""
        ...

    async def abandon(self) -> None:
        """Drop a parked cell. Variables are as they were before it."""
        ...

    async def close(self) -> None:
        """Forget everything. Idempotent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSpec:
    """How a session starts: the names the host answers, the seed of its `random`, its limits."""

    functions: tuple[str, ...]
    seed: int
    limits: CellLimits = CellLimits()


class Sandbox(Protocol):
    """Runs model-written Python where it can do no harm."""

    @property
    def version(self) -> str:
        """Kind and version, e.g. `monty-1.4.0`: journaled, since a parked cell or a replay needs the same."""
        ...

    def session(self, spec: SessionSpec) -> Session:
        """A new REPL; costs nothing until its first cell."""
        ...

    async def evaluate(self, expression: str, variables: Mapping[str, Any], *, limits: CellLimits) -> Return | Raise:
        """The value of one expression in a fresh sandbox without host functions. Raises SandboxError."""
        ...
