"""Commands of many options: a dataclass says which there are, one value of it is what the command gets."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, TypeVar

T = TypeVar("T")


def taking(options: type[T]) -> Callable[[Callable[[T], None]], Callable[..., None]]:
    """Turn a function of one value of this dataclass into one that typer reads: a parameter for each field.

    Fields are annotated as typer wants parameters to be.
    """
    if not is_dataclass(options):
        raise TypeError(f"{options.__name__} is not a dataclass")
    parameters = [_parameter(field) for field in fields(options)]

    def adapt(run: Callable[[T], None]) -> Callable[..., None]:
        def command(**given: object) -> None:
            run(options(**given))

        command.__doc__ = run.__doc__
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        # The attribute that inspect.signature looks for; a function's type does not tell of it.
        setattr(command, "__signature__", inspect.Signature(parameters))  # noqa: B010
        return command

    return adapt


def _parameter(field: Field[Any]) -> inspect.Parameter:
    default = field.default if field.default_factory is MISSING else field.default_factory()
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if default is MISSING else default,
        annotation=field.type,
    )
