"""Values on their way into the sandbox and out of it."""

from collections.abc import Mapping
from typing import Any, get_args
from uuid import UUID

from pydantic_monty import (
    ClassInstance,
    ClassType,
    ExcType,
    ExternalExceptionData,
    ExternalReturnValue,
    MontyClassProxy,
)

from rao_runtime.adapters.sandbox_values import Failed, UnfitError, encodable, mapped, refuse_huge
from rao_runtime.ports import FailedValue, Raise, Return

_EXCEPTIONS: frozenset[str] = frozenset(get_args(ExcType))

Settled = ExternalReturnValue | ExternalExceptionData


# A fixed id: a dump knows the class by it, and so does every other process that loads the dump.
FAILED = ClassType(Failed, id=UUID(int=0x5A0_FA11ED))


def to_sandbox(value: object) -> object:
    """The value as Monty takes it. Lone surrogates become `?`. Raises TypeError for what is not plain."""
    match value:
        case None | bool() | int() | float() | bytes():
            return value
        case str():
            return value if value.isascii() else encodable(value)
        case FailedValue():
            return _instance(value)
        case _:
            changed = mapped(to_sandbox, value)
            if changed is None:
                raise TypeError(f"not a plain value: {type(value).__name__}")
            return changed


def from_sandbox(value: object) -> object:
    """The value as the host takes it. Raises UnfitError."""
    match value:
        case int():
            refuse_huge(value)
            return value
        case None | float() | bytes() | str():
            return value
        case Failed():
            return FailedValue(value.reason, value.message)
        case MontyClassProxy() if value.name == Failed.__name__:
            return FailedValue(str(value.attributes.get("reason")), str(value.attributes.get("message")))
        case _:
            changed = mapped(from_sandbox, value)
            if changed is None:
                raise UnfitError("TypeError", f"a {type(value).__name__} is not plain data")
            return changed


def settled(answer: Return | Raise) -> Settled:
    """An answer as Monty takes it. Raises TypeError for a value that is not plain."""
    if isinstance(answer, Return):
        return ExternalReturnValue(return_value=to_sandbox(answer.value))
    return raising(answer.exc_type, answer.message)


def raising(exc_type: str, message: str) -> ExternalExceptionData:
    """An exception as Monty takes it; one it does not know becomes a RuntimeError that names it."""
    text = encodable(message)
    if exc_type in _EXCEPTIONS:
        return ExternalExceptionData(exc_type=exc_type, message=text)  # pyright: ignore[reportArgumentType] - looked up above
    return ExternalExceptionData(exc_type="RuntimeError", message=f"{exc_type}: {text}")


def encodable_inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs as Monty takes them. Raises TypeError."""
    return {name: to_sandbox(value) for name, value in inputs.items()}


def _instance(value: FailedValue) -> ClassInstance:
    # A new id each time: Monty refuses the same id for a second object, and two children may fail alike.
    failed = Failed(encodable(value.reason), encodable(value.message))
    return ClassInstance(failed, eager_attrs="all", class_type=FAILED)
