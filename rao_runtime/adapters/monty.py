"""The Sandbox on pydantic-monty: few worker processes, any number of REPLs held as bytes."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import pydantic_monty

from rao_runtime.adapters.monty_pool import MontyPool
from rao_runtime.adapters.monty_session import MontyRepl
from rao_runtime.adapters.sandbox_evaluate import evaluate
from rao_runtime.ports import CellLimits, Raise, Return, SessionSpec

SANDBOX_NOTES = """\
The REPL is a sandboxed subset of Python 3: no files, network, environment, subprocesses or packages.
Missing: class inheritance (so no exception classes or Enum of your own), super, @property, @staticmethod, \
@classmethod, __len__ and __lt__ methods, yield, del, async with/for, except*, dir, vars, globals, input, f.__name__, \
str.translate. asyncio has gather, run and sleep only: no create_task, wait_for, TaskGroup, as_completed, \
return_exceptions. No statistics, heapq, string, textwrap, io, enum, operator, contextlib, uuid, urllib, logging.
There: functions, lambdas, closures, simple classes, dataclasses, match, comprehensions, f-strings, try, with, \
top-level await; json re math datetime collections itertools functools random time hashlib base64 decimal bisect csv.
Instead of yield return a list; use dicts for records, pop() instead of del, [x.lower() for x in xs] instead of \
map(str.lower, xs).
Only plain data (None, bool, int, float, str, bytes, list, tuple, dict, set) goes into and out of calls. Await a call \
in the cell that made it. The clock moves only when you sleep. A cell stopped by a limit leaves no variables behind.\
"""
"""What a model has to know of this Python, for the system prompt."""


def ignore(_: float) -> None:
    """For nobody."""


class MontySandbox:
    """An async context manager: workers start on entry and are killed on exit. `workers` is the CPU count by default;
    `waited` is told how many seconds each turn of a cell waited for one.

    Entering raises SandboxError where no worker starts.
    """

    def __init__(self, workers: int | None = None, *, waited: Callable[[float], None] = ignore) -> None:
        self._pool = MontyPool(workers, waited)

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
