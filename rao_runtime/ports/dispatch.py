"""Who runs a tree."""

from collections.abc import Awaitable, Callable
from typing import Protocol

RunTree = Callable[[str], Awaitable[None]]


class Dispatch(Protocol):
    """Hands trees to whoever runs them. `RunTree` runs one to its end, and may be called again for the same tree."""

    @property
    def active(self) -> int:
        """Trees that this process runs now."""
        ...

    @property
    def queued(self) -> int:
        """Trees that wait to be run, as far as this process knows."""
        ...

    @property
    def closed(self) -> bool:
        """Whether it takes no more trees."""
        ...

    async def check_room(self) -> None:
        """Raises Overloaded when the queue is full or the process is about to end."""
        ...

    async def submit(self, tree_id: str) -> None:
        """Have the tree run, soon. Idempotent. Raises Overloaded when the queue is full."""
        ...

    async def recover(self, tree_id: str) -> None:
        """Have a tree run that nobody may be running now: as `submit`, but never turned away."""
        ...

    def expedite(self, tree_id: str) -> None:
        """Run a waiting tree at once where that can be done: one that was cancelled only needs to end."""
        ...

    def close(self) -> None:
        """Take no more trees."""
        ...

    async def stop(self) -> None:
        """Have this process's trees let go, and wait until they have."""
        ...
