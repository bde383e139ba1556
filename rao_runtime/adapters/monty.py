"""The Sandbox on pydantic-monty: few worker processes, any number of REPLs held as bytes."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import pydantic_monty

from rao_runtime.adapters.monty_pool import MontyPool
from rao_runtime.adapters.monty_session import MontyRepl
from rao_runtime.adapters.sandbox_evaluate import evaluate
from rao_runtime.ports import CellLimits, Raise, Return, SessionSpec

SANDBOX_NOTES = ""


class MontySandbox:
    """An async context manager: workers start on entry and are killed on exit. `workers` is the CPU count by default.

    Entering raises SandboxError where no worker starts.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._pool = MontyPool(workers)

    @property
    def version(self) -> str:
        """See Sandbox."""
        return f"monty-{pydantic_monty.__version__}"

    async def __aenter__(self) -> Self:
        await self._pool.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.close()

    def session(self, spec: SessionSpec) -> MontyRepl:
        """See Sandbox."""
        return MontyRepl(self._pool, spec)

    async def evaluate(self, expression: str, variables: Mapping[str, Any], *, limits: CellLimits) -> Return | Raise:
        """See Sandbox."""
        return await evaluate(self.session, expression, variables, limits)
