"""What a replica process says: line by line to our log, and its last lines kept."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator

log = logging.getLogger(__name__)

LINE_BYTES = 4_000
KEPT_LINES = 20


class Lines:
    """Bytes in pieces become lines of text: as a terminal would show them, cut at `LINE_BYTES`, never more kept.

    What a carriage return lets be overwritten is left out: progress bars tell their end only. Blank lines are too.
    """

    def __init__(self) -> None:
        self._line = bytearray()
        self._cut = 0
        self._returned = False

    def feed(self, data: bytes) -> Iterator[str]:
        """The lines that end in this piece."""
        *ended, rest = data.split(b"\n")
        for part in ended:
            self._add(part)
            yield from self.flush()
        self._add(rest)

    def flush(self) -> Iterator[str]:
        """The line that has begun, if anything is on it."""
        text = self._line.decode(errors="replace").rstrip()
        if text:
            yield f"{text} … ({self._cut} bytes more)" if self._cut else text
        self._clear()

    def _add(self, part: bytes) -> None:
        # A return at the end overwrites nothing until something follows: "\r\n" ends a line as well.
        said = part.rstrip(b"\r")
        if said:
            _, returned, shown = said.rpartition(b"\r")
            if returned or self._returned:
                self._clear()
            taken = shown[: LINE_BYTES - len(self._line)]
            self._line += taken
            self._cut += len(shown) - len(taken)
        self._returned = self._returned or len(said) < len(part)

    def _clear(self) -> None:
        self._line.clear()
        self._cut = 0
        self._returned = False


class ReplicaOutput(asyncio.Protocol):
    """Reads a pipe for as long as anybody has it open, and never keeps who writes waiting."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lines = Lines()
        self._last = deque[str](maxlen=KEPT_LINES)
        self._ended = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Log the lines that end in it."""
        for line in self._lines.feed(data):
            self._tell(line)

    def connection_lost(self, exc: Exception | None) -> None:
        """Log what was said last."""
        del exc
        for line in self._lines.flush():
            self._tell(line)
        self._ended.set()

    async def ended(self) -> None:
        """Wait until nobody can write any more."""
        await self._ended.wait()

    def last_words(self) -> str:
        """The last lines, one below the other."""
        return "\n".join(self._last)

    def _tell(self, line: str) -> None:
        self._last.append(line)
        log.info("%s: %s", self._name, line)
