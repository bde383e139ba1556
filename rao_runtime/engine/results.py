"""What one cell waits for: results of its launches and tool calls, handed back in an order that is journaled."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rao_runtime.core.errors import ReplayMismatch
from rao_runtime.core.values import FailedValue
from rao_runtime.ports import Clock, Raise, Return

# Results that arrive within this time of each other go back to the cell together: resuming costs a sandbox worker a
# millisecond, and a wide gather wakes for each. It grows with the width, up to a bound a reader would not notice.
BATCH_S = 0.002
MAX_BATCH_S = 0.05


@dataclass(frozen=True, slots=True)
class Awaited:
    """A call that a result will come for: the cell's n-th launch (`node_id` None: refused), or its n-th tool call."""

    launch_index: int | None = None
    node_id: str | None = None
    tool_index: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """As journaled with the resumption."""
        return {"launch_index": self.launch_index, "node_id": self.node_id, "tool_index": self.tool_index}


class Results:
    """The results of one cell's calls, by call."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._awaited = dict[int, Awaited]()
        self._results = dict[int, Return | Raise]()
        self._arrived = asyncio.Event()

    def expect(self, call_id: int, awaited: Awaited) -> None:
        """There will be a result for this call."""
        self._awaited[call_id] = awaited

    def arrive(self, call_id: int, result: Return | Raise) -> None:
        """Here it is."""
        self._results[call_id] = result
        self._arrived.set()

    async def batch(self, pending: Sequence[int]) -> list[tuple[int, Return | Raise]]:
        """At least one of these calls' results, sorted by call; handed out once each."""
        for call in pending:
            if call not in self._awaited:
                self._results[call] = Return(_GONE)
        await self._any(pending)
        missing = sum(call not in self._results for call in pending)
        if missing:
            await self._clock.sleep(min(MAX_BATCH_S, BATCH_S * missing))
        ready = sorted(call for call in pending if call in self._results)
        return [(call, self._results.pop(call)) for call in ready]

    def handed(self, call_id: int) -> dict[str, Any]:
        """Which call of this cell that was, for the journal; one of an earlier cell has no index."""
        return self._awaited.get(call_id, Awaited()).as_dict()

    def replayed(self, pending: Sequence[int], handed: Sequence[Mapping[str, Any]]) -> list[tuple[int, Return | Raise]]:
        """The results that an earlier owner handed out, in its order. Raises ReplayMismatch for one not there."""
        calls = {awaited: call for call, awaited in self._awaited.items()}
        earlier = [call for call in pending if call not in self._awaited]
        results = list[tuple[int, Return | Raise]]()
        for each in handed:
            awaited = Awaited(**each)
            gone = awaited == Awaited()
            call = (earlier.pop(0) if earlier else None) if gone else calls.get(awaited)
            result = Return(_GONE) if gone else self._results.pop(-1 if call is None else call, None)
            if call is None or result is None:
                raise ReplayMismatch(f"there is no result to hand out again for {awaited}")
            results.append((call, result))
        return results

    async def _any(self, pending: Sequence[int]) -> None:
        while not any(call in self._results for call in pending):
            self._arrived.clear()
            await self._arrived.wait()


_GONE = FailedValue("canceled", "this sub-agent belonged to an earlier cell and was cancelled when that cell ended")
