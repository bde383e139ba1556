"""A context as bytes: its size, its hash, and the way into the blobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias, TypeGuard

import orjson

from rao_runtime.core.task import Context, context_chars
from rao_runtime.core.values import JsonValue
from rao_runtime.ports import Blobs

# What a client sends is text in one of three shapes; what a parent passes on can be any JSON value.
Content: TypeAlias = "JsonValue | Context"


def encoded(context: Content) -> bytes:
    """The bytes kept for a context: text as it is, anything else as JSON."""
    return context.encode() if isinstance(context, str) else orjson.dumps(context)


@dataclass(frozen=True, slots=True)
class ContextSize:
    """How many characters a model would have to read, and the SHA-256 of the context's bytes; None without one."""

    chars: int
    sha256: str | None
    size_bytes: int = 0


def size_of(context: Content) -> ContextSize:
    """Measured once, at the launch: a context can be megabytes."""
    if context is None:
        return ContextSize(0, None)
    data = encoded(context)
    chars = context_chars(context) if _is_text(context) else len(data)
    return ContextSize(chars, sha256(data).hexdigest(), len(data))


class ContextMeter:
    """How much text a tree's nodes were handed in all; the same text counts once, as it is kept once."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._used_bytes = 0
        self._known = set[str]()

    def admits(self, size: ContextSize) -> bool:
        """Whether a node may still be handed that."""
        return (
            size.sha256 is None or size.sha256 in self._known or self._used_bytes + size.size_bytes <= self.most_bytes
        )

    def add(self, size: ContextSize) -> None:
        """Count what a node was handed."""
        if size.sha256 is not None and size.sha256 not in self._known:
            self._known.add(size.sha256)
            self._used_bytes += size.size_bytes


def _is_text(context: Content) -> TypeGuard[Context]:
    match context:
        case str():
            return True
        case list():
            return all(isinstance(text, str) for text in context)
        case dict():
            return all(isinstance(text, str) for text in context.values())
        case _:
            return False


async def keep(blobs: Blobs, tree_id: str, context: Context) -> dict[str, Any] | None:
    """Put a task's context where whoever runs the tree can find it; what the journal says of it."""
    if context is None:
        return None
    form = "text" if isinstance(context, str) else "json"
    return {"sha256": await blobs.put(tree_id, encoded(context)), "chars": context_chars(context), "form": form}


def size_told(told: Mapping[str, Any] | None) -> ContextSize:
    """The size of a context that `keep` said this of: it was measured then, and can be megabytes."""
    return ContextSize(0, None) if told is None else ContextSize(told["chars"], told["sha256"])


async def fetch(blobs: Blobs, tree_id: str, told: Mapping[str, Any] | None) -> Context:
    """The context that `keep` said this of. Raises KeyError where it is gone."""
    if told is None:
        return None
    data = await blobs.get(tree_id, told["sha256"])
    return data.decode() if told["form"] == "text" else orjson.loads(data)
