"""Who runs a tree."""

from typing import Protocol


class Dispatch(Protocol):
    """Hands accepted trees to whoever runs them."""

    async def submit(self, tree_id: str) -> None:
        """Have the tree run, soon. Raises Overloaded when the queue is full."""
        ...
