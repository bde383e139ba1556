"""When a replica fails so often that it gets no calls for a while."""

import math
from collections import deque
from dataclasses import dataclass

from rao_runtime.core.errors import FailureKind

WINDOW_S = 10
MIN_FAILURES = 5
OPEN_S = 5.0
MAX_OPEN_S = 60.0


def counts_against(kind: FailureKind) -> bool:
    """Whether a failure speaks against the replica: transport and 5xx do.

    A refused request is the request's fault, and a busy replica is a working one: breaking on either would put more
    load on the others when there is too much already.
    """
    return kind not in {FailureKind.REJECTED, FailureKind.BUSY}


@dataclass(slots=True)
class _Second:
    second: int
    succeeded: int = 0
    failed: int = 0


class Breaker:
    """One replica's circuit breaker; times in epoch seconds.

    It opens on at least five failures in ten seconds that are more than half of all outcomes. After five seconds it
    wants a trial, one canary and no user's call; that closes it, or leaves it open for twice as long, a minute at most.
    Outcomes that come while it is open are of calls sent before, and change nothing.
    """

    def __init__(self) -> None:
        self._seconds = deque[_Second](maxlen=WINDOW_S)
        self._open_s = OPEN_S
        self._opened: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the replica is to get no calls."""
        return self._opened is not None

    def succeeded(self, now: float) -> None:
        """A call has ended well."""
        if not self.is_open:
            self._current(now).succeeded += 1

    def failed(self, now: float) -> None:
        """A call has failed in a way that `counts_against` the replica."""
        if self.is_open:
            return
        self._current(now).failed += 1
        failures = sum(each.failed for each in self._seconds)
        successes = sum(each.succeeded for each in self._seconds)
        if failures >= MIN_FAILURES and failures > successes:
            self._opened = now
            self._seconds.clear()

    def wants_trial(self, now: float) -> bool:
        """Whether it is time for a canary; true until `trial` tells of one, so run one at a time."""
        # Less than no time: the clock was set back, and a trial too many costs less than a replica left out.
        return self._opened is not None and not 0.0 <= now - self._opened < self._open_s

    def trial(self, ok: bool, now: float) -> None:  # noqa: FBT001 - an outcome, not a mode
        """How the canary went. While no calls are held back, a failed one counts as a call does, and a good one not."""
        if ok:
            self._open_s = OPEN_S
            self._opened = None
        elif not self.is_open:
            self.failed(now)
        else:
            self._open_s = min(MAX_OPEN_S, 2 * self._open_s)
            self._opened = now

    def _current(self, now: float) -> _Second:
        second = math.floor(now)
        # A second still to come was noted before the clock was set back.
        while self._seconds and not second - WINDOW_S < self._seconds[0].second <= second:
            self._seconds.popleft()
        if not self._seconds or self._seconds[-1].second < second:
            self._seconds.append(_Second(second))
        return self._seconds[-1]
