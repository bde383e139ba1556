"""Dumps at rest: compressed against the dump their session started from, of which they hold nearly all."""

import zlib

_LEVEL = 1


def packed(dump: bytes, base: bytes) -> bytes:
    """The dump, small."""
    packer = zlib.compressobj(_LEVEL, zdict=base)
    return packer.compress(dump) + packer.flush()


def unpacked(data: bytes, base: bytes) -> bytes:
    """The dump again."""
    return zlib.decompressobj(zdict=base).decompress(data)
