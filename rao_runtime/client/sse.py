"""Server-sent events from bytes, however the network cut them. Knows nothing of what the events say."""

from dataclasses import dataclass

RETRY_S = 2.0
# A server that asks for more has made a mistake, or wants nobody back; a client that follows it would hang for good.
MOST_RETRY_S = 60.0
MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of a stream: its type and its data."""

    event: str
    data: str


class SseReader:
    """Feed it bytes, take the frames they complete, as the HTML standard says.

    `retry_s` is how long to wait before the next connection, a minute at most. It outlives a connection, the rest does
    not: call `reconnected` before the first bytes of the next one. Ids are passed over: an event's `seq` says the same.
    """

    def __init__(self) -> None:
        self.retry_s = RETRY_S
        self.reconnected()

    def reconnected(self) -> None:
        """Forget what the last connection left unfinished."""
        self._tail = b""
        self._after_cr = False
        self._first = True
        self._event = ""
        self._data = list[str]()

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that these bytes complete."""
        if self._after_cr and chunk:
            # The second half of a CRLF that was cut in two must not end another line.
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        lines = (self._tail + chunk).splitlines(keepends=True)
        self._tail = b"" if not lines or lines[-1].endswith((b"\n", b"\r")) else lines.pop()
        self._after_cr = self._after_cr or bool(lines and not self._tail and lines[-1].endswith(b"\r"))
        return [frame for line in lines if (frame := self._line(line.rstrip(b"\r\n"))) is not None]

    def _line(self, line: bytes) -> Frame | None:
        if self._first:
            line = line.removeprefix(b"\xef\xbb\xbf")
            self._first = False
        if not line:
            return self._dispatch()
        name, _, value = line.decode(errors="replace").partition(":")
        self._field(name, value.removeprefix(" "))
        return None

    def _field(self, name: str, value: str) -> None:
        match name:
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "retry" if value.isascii() and value.isdigit():
                self.retry_s = MOST_RETRY_S if len(value) > MOST_DIGITS else min(int(value) / 1000, MOST_RETRY_S)
            case _:  # a comment (its name is empty), an id, or a field that there is not
                pass

    def _dispatch(self) -> Frame | None:
        frame = Frame(self._event or "message", "\n".join(self._data)) if self._data else None
        self._event, self._data = "", []
        return frame
