"""What really happened, request by request: the truth that clients' own counts are held against."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How a request ended: the two finish reasons; cut off by its client; failed on purpose; never begun."""

    STOP = "stop"
    LENGTH = "length"
    ABORT = "abort"
    ERROR = "error"
    REJECTED = "rejected"


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request. Times are seconds of `time.monotonic`: on Linux the same for all processes of a machine.

    `completion_tokens` counts what was produced, whether or not it reached the client. `admitted_s` is that of the
    first time, `preemptions` how often it lost its place again. `outcome` is None until the end.
    """

    request_id: str
    arrived_s: float
    model: str = ""
    priority: int = 0
    traceparent: str = ""
    fault: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    admitted_s: float | None = None
    first_s: float | None = None
    ended_s: float | None = None
    preemptions: int = 0
    running: bool = False
    outcome: Outcome | None = None


class Ledger:
    """All requests since the start or the last reset, in order of arrival.

    `waiting` and `running` count the requests of this moment; a reset keeps them, and their entries.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.entries: list[Entry] = []
        self.waiting = 0
        self.running = 0
        self.peak_running = 0
        self.peak_waiting = 0
        self.arrivals = 0
        self._watchers: list[tuple[Callable[[Ledger], bool], asyncio.Future[None]]] = []

    def arrive(self, request_id: str) -> Entry:
        """A request has come in whole."""
        entry = Entry(request_id=request_id, arrived_s=self._now())
        self.entries.append(entry)
        self.arrivals += 1
        self.waiting += 1
        self.peak_waiting = max(self.peak_waiting, self.waiting)
        self._tell()
        return entry

    def admit(self, entry: Entry) -> None:
        """It has a slot, for the first time or again."""
        if entry.admitted_s is None:
            entry.admitted_s = self._now()
        entry.running = True
        self.waiting -= 1
        self.running += 1
        self.peak_running = max(self.peak_running, self.running)
        self._tell()

    def preempt(self, entry: Entry) -> None:
        """It has lost its slot, and waits for another."""
        entry.running = False
        entry.preemptions += 1
        self.running -= 1
        self.waiting += 1
        self.peak_waiting = max(self.peak_waiting, self.waiting)
        self._tell()

    def produce(self, entry: Entry, completion_tokens: int) -> None:
        """Its completion has so many tokens now."""
        if entry.first_s is None:
            entry.first_s = self._now()
        entry.completion_tokens = completion_tokens
        self._tell()

    def close(self, entry: Entry, outcome: Outcome) -> None:
        """It has ended. Only the first call counts."""
        if entry.outcome is not None:
            return
        entry.outcome = outcome
        entry.ended_s = self._now()
        if entry.running:
            entry.running = False
            self.running -= 1
        else:
            self.waiting -= 1
        self._tell()

    async def until(self, condition: Callable[["Ledger"], bool]) -> None:
        """Wait until the condition holds; it is looked at after every change."""
        if condition(self):
            return
        future = asyncio.get_running_loop().create_future()
        watcher = (condition, future)
        self._watchers.append(watcher)
        try:
            await future
        finally:
            self._watchers.remove(watcher)

    def _tell(self) -> None:
        for condition, future in self._watchers:
            if not future.done() and condition(self):
                future.set_result(None)

    def reset(self) -> None:
        """Forget what has ended; peaks start again from now."""
        self.entries = [entry for entry in self.entries if entry.outcome is None]
        self.peak_running = self.running
        self.peak_waiting = self.waiting
        self._tell()

    def outcomes(self) -> dict[str, int]:
        """How many requests ended how."""
        counts = dict.fromkeys((str(outcome) for outcome in Outcome), 0)
        for entry in self.entries:
            if entry.outcome is not None:
                counts[entry.outcome] += 1
        return counts

    @property
    def preemptions(self) -> int:
        """How often requests lost their place."""
        return sum(entry.preemptions for entry in self.entries)

    def totals(self) -> dict[str, int]:
        """Requests and tokens in sum; prompt tokens of admitted requests only, since no others were read."""
        admitted = [entry for entry in self.entries if entry.admitted_s is not None]
        return {
            "requests": len(self.entries),
            "prompt_tokens": sum(entry.prompt_tokens for entry in admitted),
            "cached_tokens": sum(entry.cached_tokens for entry in admitted),
            "completion_tokens": sum(entry.completion_tokens for entry in admitted),
        }

    def as_dict(self, *, entries: bool = True) -> dict[str, Any]:
        """The JSON of `GET /ledger`."""
        told: dict[str, Any] = {
            "now_s": self._now(),
            "running": self.running,
            "waiting": self.waiting,
            "peak_running": self.peak_running,
            "peak_waiting": self.peak_waiting,
            "totals": self.totals(),
            "outcomes": self.outcomes(),
        }
        if entries:
            told["entries"] = [asdict(entry) for entry in self.entries]
        return told
