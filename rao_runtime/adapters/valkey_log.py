"""The embedded store's own log: a file in its folder that does not grow for ever."""

import os
from contextlib import suppress
from pathlib import Path

LOG = "valkey.log"
MAX_BYTES = 1 << 20
_TAIL_BYTES = 2_000
_TAIL_LINES = 8


def open_log(path: Path) -> int:
    """A descriptor that appends to the log. Raises OSError."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def turn_over(path: Path) -> None:
    """Put a large log aside, over the last one; the store opens its log anew for each line."""
    with suppress(OSError):
        if path.stat().st_size > MAX_BYTES:
            path.replace(path.with_suffix(".log.1"))


def last_lines(path: Path, since: int) -> str:
    """What the log says, from that byte on: its last few lines."""
    try:
        with path.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(since, end - _TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
    except OSError as error:
        return f"(no log: {error.strerror})"
    return "\n".join(lines[-_TAIL_LINES:])
