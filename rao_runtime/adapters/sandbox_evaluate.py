"""One expression in a session of its own: how both sandboxes evaluate checks."""

from collections.abc import Callable, Mapping
from typing import Any

from rao_runtime.adapters.sandbox_source import is_expression
from rao_runtime.ports import CellLimits, HostCall, Killed, Raise, Raised, Return, Session, SessionSpec, Stop

_RESULT = "_rao_result"
_KILLED = {"time": "TimeoutError", "memory": "MemoryError"}


async def evaluate(
    session: Callable[[SessionSpec], Session], expression: str, variables: Mapping[str, Any], limits: CellLimits
) -> Return | Raise:
    """The value, which must be plain. A limit that fires is a TimeoutError, MemoryError or RuntimeError.

    Raises SandboxError.
    """
    if not is_expression(expression):
        return Raise("SyntaxError", "not a single expression")
    result = _Result()
    fresh = session(SessionSpec(functions=(_RESULT,), seed=0, limits=limits))
    outcome = await fresh.run(f"{_RESULT}(({expression}\n))", result, now=0.0, inputs=variables)
    await fresh.close()
    match outcome:
        case Raised():
            kind, _, message = outcome.error.splitlines()[-1].partition(": ")
            return Raise(kind, message.replace(f"{_RESULT}(): an argument", "the value"))
        case Killed():
            return Raise(_KILLED.get(outcome.reason, "RuntimeError"), outcome.message)
        case _:
            return Return(result.value)


class _Result:
    """Takes the value the expression is handed over with, and ends the cell there."""

    def __init__(self) -> None:
        self.value: Any = None

    def call(self, call: HostCall) -> Stop:
        """Note the value."""
        (self.value,) = call.args
        return Stop()
