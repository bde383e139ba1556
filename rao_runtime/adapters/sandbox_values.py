"""Values at the border of a sandbox, whichever it is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

_MAX_INT_BITS = 14_000  # Python prints at most 4,300 digits, so a longer one could be neither shown nor journaled

_Builder = Callable[[Iterable[object]], object]
_BUILDERS: dict[type, _Builder] = {list: list, tuple: tuple, set: set, frozenset: frozenset}


@dataclass(frozen=True)
class Failed:
    """What a cell sees of a FailedValue; its name and repr are the sandbox's."""

    reason: str
    message: str


class UnfitError(Exception):
    """A value that cannot leave the sandbox; `exc_type` and the text are for the cell."""

    def __init__(self, exc_type: str, message: str) -> None:
        super().__init__(message)
        self.exc_type = exc_type


def refuse_huge(value: int) -> None:
    """Raises UnfitError for an integer nobody can print."""
    if value.bit_length() > _MAX_INT_BITS:
        raise UnfitError("ValueError", "an integer of more than 4,300 digits cannot be passed on")


def mapped(change: Callable[[object], object], value: object) -> object:
    """The container with its items changed; None for what is no plain container."""
    match value:
        case dict():
            items = cast(dict[object, object], value).items()
            return {change(key): change(item) for key, item in items}
        case list() | tuple() | set() | frozenset():
            values = cast(Iterable[object], value)
            build = next(build for kind, build in _BUILDERS.items() if isinstance(value, kind))
            return build(map(change, values))
        case _:
            return None


def encodable(text: str) -> str:
    """The text with `?` for lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text
