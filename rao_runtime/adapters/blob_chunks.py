"""A large text in pieces: each is compressed where that helps, and says so itself."""

import zstandard

CHUNK_BYTES = 1 << 20
LEVEL = 3

_COMPRESSED = b"z"
_PLAIN = b"-"


def split(data: bytes) -> list[memoryview]:
    """The pieces, none of them copied; at least one."""
    view = memoryview(data)
    return [view[start : start + CHUNK_BYTES] for start in range(0, max(len(data), 1), CHUNK_BYTES)]


def encode(chunk: memoryview) -> bytes:
    """A piece as it is kept: compressed, or as it is where that is no longer."""
    compressed = zstandard.ZstdCompressor(level=LEVEL).compress(chunk)
    return _COMPRESSED + compressed if len(compressed) < len(chunk) else _PLAIN + bytes(chunk)


def decode(kept: bytes) -> bytes:
    """The piece. Raises ValueError for what `encode` has not made."""
    kind, body = kept[:1], memoryview(kept)[1:]
    if kind == _PLAIN:
        return bytes(body)
    if kind != _COMPRESSED:
        raise ValueError("unknown kind of chunk")
    try:
        # The decompressor believes what a frame says of its size, and allocates that much.
        if zstandard.frame_content_size(body) > CHUNK_BYTES:
            raise ValueError("damaged chunk: too large")
        return zstandard.ZstdDecompressor().decompress(body, max_output_size=CHUNK_BYTES)
    except zstandard.ZstdError as error:
        raise ValueError(f"damaged chunk: {error}") from error
