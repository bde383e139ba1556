"""Server-sent events from bytes, however the network cut them. Knows nothing of what the events say."""

from dataclasses import dataclass

RETRY_S = 2.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of a stream: its type and its data."""

    event: str
    data: str


class SseReader:
    """Feed it bytes, take the frames they complete, as the HTML standard says.

    `last_id` is the cursor to resume after, "" before the first one; `retry_s` how long to wait before that. Both
    outlive a connection, the rest does not: call `reconnected` before the first bytes of the next one.
    """

    def __init__(self) -> None:
        self.last_id = ""
        self.retry_s = RETRY_S
        self.reconnected()

    def reconnected(self) -> None:
        """Forget what the last connection left unfinished."""
        self._tail = b""
        self._after_cr = False
        self._first = True
        self._event = ""
        self._data = list[str]()
        self._id = self.last_id

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
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdigit():
                self.retry_s = int(value) / 1000
            case _:  # a comment (its name is empty) or a field that there is not
                pass

    def _dispatch(self) -> Frame | None:
        self.last_id = self._id
        frame = Frame(self._event or "message", "\n".join(self._data)) if self._data else None
        self._event, self._data = "", []
        return frame
