"""Server-sent events from bytes, however the network cut them. Knows nothing of what the events say."""

from rao_runtime.core.errors import FailureKind, ModelError

MAX_EVENT_BYTES = 4 << 20


class SseParser:
    """Feed it bytes, take the `data` of each event that is complete. Comments and other fields are skipped."""

    __slots__ = ("_data", "_size", "_skip_lf", "_tail")

    def __init__(self) -> None:
        self._tail = bytearray()  # a line without its end
        self._data = list[bytes]()  # lines of an event without its end
        self._size = 0  # of both together
        self._skip_lf = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Events these bytes complete. Raises ModelError(BROKEN) for one of over 4 MiB."""
        if self._skip_lf and chunk:
            self._skip_lf = False
            chunk = chunk.removeprefix(b"\n")
        if b"\r" in chunk:
            # The second half of a CRLF may be in the next chunk; it must not end a second line there.
            self._skip_lf = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in chunk:
            self._tail += chunk
            self._grow(len(chunk))
            return []
        first, *lines = chunk.split(b"\n")
        if self._tail:
            first = bytes(self._tail) + first
            self._size -= len(self._tail)
        self._tail = bytearray(lines.pop())
        return self._events([first, *lines])

    def rest(self) -> list[bytes]:
        """The event that the end of the stream completes, where a server forgot the last empty line."""
        return self.feed(b"\n\n")

    def _events(self, lines: list[bytes]) -> list[bytes]:
        events = list[bytes]()
        for line in lines:
            if not line:
                if self._data:
                    events.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                    self._data.clear()
                    self._size = 0
            elif line.startswith((b"data:", b"\xef\xbb\xbfdata:")):
                value = line.partition(b":")[2].removeprefix(b" ")
                self._data.append(value)
                self._grow(len(value))
        self._grow(len(self._tail))
        return events

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MAX_EVENT_BYTES:
            raise ModelError(FailureKind.BROKEN, f"an event of more than {MAX_EVENT_BYTES} bytes")
