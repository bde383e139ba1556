"""Folds many events beside the event loop, where they would take a while."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from rao_runtime.core.events import Event
from rao_runtime.core.state import TreeState, fold

T = TypeVar("T")

# Folding this many events takes some 50 ms: more is done beside the event loop.
FOLD_INLINE = 2_000


async def fold_aside(tree_id: str, events: Sequence[Event]) -> TreeState:
    """The state after these events."""
    return await aside(len(events), lambda: fold(tree_id, events))


async def aside(count: int, work: Callable[[], T]) -> T:
    """What `work` gives, done in a thread where it goes over so many things that it would stop the loop."""
    return work() if count < FOLD_INLINE else await asyncio.to_thread(work)
