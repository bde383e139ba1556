"""What the code that runs now is about: its tree, node and call, so that log lines can say so, those of tools too."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

# A task takes over what it was started in: a child's its parent's, until it says what it is about itself.
_concern: ContextVar[Mapping[str, str]] = ContextVar("concern", default=MappingProxyType({}))


def concern() -> Mapping[str, str]:
    """The ids by their names: `tenant`, `tree_id`, `trace_id`, `node_id`, `call_id`, as far as they apply."""
    return _concern.get()


@contextmanager
def about(**ids: str) -> Generator[None]:
    """What follows is about these as well."""
    token = _concern.set({**_concern.get(), **ids})
    try:
        yield
    finally:
        _concern.reset(token)
