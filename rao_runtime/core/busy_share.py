"""Whose the time is in which a replica was busy: processor sharing, as a queueing model has it."""


class BusyShares:
    """Each moment goes in equal parts to all that are in flight then. Idle time is nobody's.

    It is a clock that runs at `1/n` while `n` are in flight: between two readings each of them has had what the clock
    went on. So the shares sum up to the busy time, whatever comes and goes in which order, at O(1) a change.
    """

    __slots__ = ("_at", "_in_flight", "_reading")

    def __init__(self) -> None:
        self._at = 0.0
        self._in_flight = 0
        self._reading = 0.0

    def enter(self, now: float) -> float:
        """One more is in flight from `now` on (s). Keep the reading that this gives for `leave`."""
        if not self._in_flight:
            # Nobody holds a reading: small ones keep their microseconds.
            self._reading = 0.0
        self._advance(now)
        self._in_flight += 1
        return self._reading

    def leave(self, now: float, entered: float) -> float:
        """The share, in seconds, of one that came in at the reading `entered` and is in flight no more."""
        self._advance(now)
        self._in_flight -= 1
        return self._reading - entered

    def _advance(self, now: float) -> None:
        if self._in_flight:
            # A wall clock can be set back.
            self._reading += max(0.0, now - self._at) / self._in_flight
        self._at = now
