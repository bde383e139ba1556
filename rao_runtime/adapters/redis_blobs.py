"""Large texts in Redis: one hash for each tree, each text in pieces that do not hold up everybody else.

A text is there once the field of its name is, which is written last: one that was broken off does not exist.
"""

import asyncio
from collections.abc import Callable
from hashlib import sha256 as sha256_of
from typing import ParamSpec, TypeVar

from rao_runtime.adapters.blob_chunks import decode, encode, split
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.core.errors import RaoError

P = ParamSpec("P")
T = TypeVar("T")

# What takes longer than some hundred microseconds does not belong on the loop.
_SMALL_BYTES = 256 << 10


class BlobDamaged(RaoError):
    """What is kept under a hash is something else."""


class RedisBlobs:
    """`ports.Blobs` over a link; equal bytes of one tree are kept once.

    `get` waits while Redis is in trouble, as an owner's calls do; the rest raise JournalUnavailable.
    """

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def put(self, tree_id: str, data: bytes) -> str:
        """Keep the bytes; returns their SHA-256 in hex."""
        name, digest = self._name(tree_id), await _worked(len(data), _digest, data)
        if await self._link.call("HEXISTS", name, digest):
            return digest
        chunks = split(data)
        for number, chunk in enumerate(chunks):
            await self._link.call("HSET", name, f"{digest}/{number}", await _worked(len(data), encode, chunk))
        await self._link.call("HSET", name, digest, f"{len(chunks)} {len(data)}")
        return digest

    async def get(self, tree_id: str, sha256: str) -> bytes:
        """The bytes. Raises KeyError, or BlobDamaged."""
        name = self._name(tree_id)
        told = await self._link.call("HGET", name, sha256, patient=True)
        if told is None:
            raise KeyError(sha256)
        count, size = map(int, told.split())
        pieces = list[bytes]()
        for number in range(count):
            kept = await self._link.call("HGET", name, f"{sha256}/{number}", patient=True)
            if kept is None:
                raise KeyError(sha256)
            try:
                pieces.append(await _worked(size, decode, kept))
            except ValueError as error:
                raise BlobDamaged(f"text {sha256} of tree {tree_id}: {error}") from error
        data = b"".join(pieces)
        if await _worked(len(data), _digest, data) != sha256:
            raise BlobDamaged(f"text {sha256} of tree {tree_id} is not what was kept")
        return data

    async def delete(self, tree_id: str) -> None:
        """Drop all of the tree's."""
        await self._link.call("UNLINK", self._name(tree_id))

    def _name(self, tree_id: str) -> str:
        return self._link.keys.tree(tree_id).blobs


async def _worked(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the work on so many bytes gives, off the loop where it takes its time."""
    if size <= _SMALL_BYTES:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)


def _digest(data: bytes) -> str:
    return sha256_of(data).hexdigest()
