"""The last few seconds of a tree's events, kept by whoever wrote them.

A Redis that restarts, or fails over, may have lost its last second of writes. The writer then writes them again.
"""

from collections import deque
from collections.abc import Sequence

from rao_runtime.adapters.redis_events import Fields

# What a Redis that syncs its file every second may lose (two seconds at worst), and the time to notice that it is gone.
KEPT_S = 10.0
MAX_BYTES = 4 << 20


class Tail:
    """Events by `seq` without gaps, as they were written; times are the caller's clock in seconds."""

    __slots__ = ("_kept", "_last", "_size")

    def __init__(self, last_seq: int) -> None:
        self._kept = deque[tuple[float, Fields]]()
        self._last = last_seq
        self._size = 0

    @property
    def starts_after(self) -> int:
        """The seq before the first event that is kept."""
        return self._last - len(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, written: Sequence[Fields], now: float) -> None:
        """The journal has these now."""
        for fields in written:
            self._kept.append((now, fields))
            self._size += len(fields[1])
        self._last += len(written)
        while self._size > MAX_BYTES:
            self._drop()

    def forget(self, now: float) -> None:
        """Drop what was written too long ago to be lost."""
        while self._kept and self._kept[0][0] < now - KEPT_S:
            self._drop()

    def since(self, seq: int) -> list[Fields] | None:
        """The events after `seq`; None where they are not all here."""
        if seq < self.starts_after:
            return None
        return [fields for _, fields in list(self._kept)[seq - self.starts_after :]]

    def _drop(self) -> None:
        _, fields = self._kept.popleft()
        self._size -= len(fields[1])
