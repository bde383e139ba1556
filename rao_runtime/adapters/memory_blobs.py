"""Contexts in this process's memory. Knows nothing of who may read them."""

from hashlib import sha256


class MemoryBlobs:
    """`ports.Blobs` in a dictionary; equal bytes of one tree are kept once."""

    def __init__(self) -> None:
        self._trees = dict[str, dict[str, bytes]]()

    async def put(self, tree_id: str, data: bytes) -> str:
        """Keep the bytes; returns their SHA-256 in hex."""
        digest = sha256(data).hexdigest()
        self._trees.setdefault(tree_id, {})[digest] = data
        return digest

    async def get(self, tree_id: str, sha256: str) -> bytes:
        """The bytes. Raises KeyError."""
        return self._trees[tree_id][sha256]

    async def delete(self, tree_id: str) -> None:
        """Drop all of the tree's."""
        self._trees.pop(tree_id, None)
