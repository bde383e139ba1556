"""The server's clock as a client can tell it: its own clock may be off, and events may be old when they arrive."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class ServerTime:
    """Learns from timestamps. None of them can be later than the moment it was heard, so the latest one counts.

    `at` is this process's monotonic time in seconds, everything else epoch seconds of the server.
    """

    def __init__(self) -> None:
        self._offset: float | None = None

    def heard(self, timestamp: float, at: float) -> None:
        """Note a timestamp that arrived at `at`."""
        offset = timestamp - at
        if self._offset is None or offset > self._offset:
            self._offset = offset

    def now(self, at: float) -> float | None:
        """The server's time, None as long as nothing was heard."""
        return None if self._offset is None else at + self._offset


def from_iso(text: object) -> float | None:
    """Epoch seconds of an RFC 3339 timestamp; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def from_http(text: str | None) -> float | None:
    """Epoch seconds of a `Date` header; None where it is missing or none."""
    try:
        return None if text is None else parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
