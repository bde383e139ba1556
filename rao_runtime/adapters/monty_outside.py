"""What a cell asks of the operating system: the time, sleep, entropy. Everything else does not exist."""

from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from hashlib import shake_256
from typing import Any

from rao_runtime.adapters.sandbox_values import UnfitError

_LONGEST_SLEEP_S = 1e9
_MOST_ENTROPY = 1 << 20


class Outside:
    """A clock that starts where it is told and moves only when the cell sleeps; entropy that follows from a seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._now = 0.0
        self.draws = 0
        self._answers: dict[str, Callable[..., object]] = {
            "time.time": self._time,
            "datetime.now": self._datetime,
            "date.today": self._date,
            "time.sleep": self._sleep,
            "asyncio.sleep": self._sleep,
            "os.urandom": self._entropy,
        }

    def set_clock(self, now: float) -> None:
        """From here on it is `now`, in seconds since the epoch."""
        self._now = now

    def answers(self, name: str) -> bool:
        """Whether there is an answer to this call at all."""
        return name in self._answers

    def answer(self, name: str, args: tuple[Any, ...]) -> object:
        """The answer. Raises UnfitError for arguments that make no sense."""
        try:
            return self._answers[name](*args)
        except (ValueError, OverflowError, OSError, TypeError) as error:
            raise UnfitError("ValueError", f"{name}: {error}") from error

    def _time(self, _caller: str = "") -> float:
        return self._now

    def _datetime(self, zone: tzinfo | None = None) -> datetime:
        moment = datetime.fromtimestamp(self._now, zone or UTC)
        return moment if zone else moment.replace(tzinfo=None)

    def _date(self) -> date:
        return self._datetime().date()

    def _sleep(self, seconds: float = 0.0, *_: object) -> None:
        if not 0 <= seconds <= _LONGEST_SLEEP_S:
            raise ValueError(f"cannot sleep for {seconds} s")
        self._now += seconds

    def _entropy(self, size: int) -> bytes:
        if not 0 <= size <= _MOST_ENTROPY:
            raise ValueError(f"cannot draw {size} bytes")
        self.draws += 1
        return shake_256(f"{self._seed}:{self.draws}".encode()).digest(size)
