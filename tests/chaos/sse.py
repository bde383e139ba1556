"""Server-sent events, byte by byte: what any client could read, without the client library that is tested too."""

from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One event as it was sent; `data` is its bytes."""

    seq: int | None
    type: str
    data: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The event itself."""
        return orjson.loads(self.data)

    @property
    def is_end(self) -> bool:
        """Whether it is the tree's last one."""
        return self.type in {"tree.completed", "tree.failed", "tree.canceled"}


class SseBytes:
    """Takes chunks of one connection, gives the events that are whole; comments go where they are wanted."""

    def __init__(self, comments: list[str]) -> None:
        self._comments = comments
        self._rest = b""

    def feed(self, chunk: bytes) -> list[Sent]:
        """The events that end in this chunk."""
        *blocks, self._rest = (self._rest + chunk).split(b"\n\n")
        return [sent for block in blocks if (sent := self._read(block)) is not None]

    def _read(self, block: bytes) -> Sent | None:
        fields = dict[bytes, bytes]()
        for line in block.split(b"\n"):
            name, _, value = line.partition(b":")
            if not name:
                self._comments.append(value.decode().strip())
            fields[name] = value.removeprefix(b" ")
        if b"data" not in fields:
            return None
        seq = int(fields[b"id"]) if b"id" in fields else None
        return Sent(seq=seq, type=fields[b"event"].decode(), data=fields[b"data"])
