"""Large texts."""

from typing import Protocol


class Blobs(Protocol):
    """Contexts and other large texts, by tree and hash."""

    async def put(self, tree_id: str, data: bytes) -> str:
        """Keep the bytes; returns their SHA-256 in hex."""
        ...

    async def get(self, tree_id: str, sha256: str) -> bytes:
        """The bytes. Raises KeyError."""
        ...

    async def delete(self, tree_id: str) -> None:
        """Drop all of the tree's."""
        ...
