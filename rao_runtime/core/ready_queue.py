"""Which ready call goes to a replica first. Knows no replica: who pops decides that there is room.

The order, and why:

1. A ticket that waited `ageing_s`, the oldest first: whatever comes below, nobody starves.
2. Priority, as the client asked.
3. Deadline, in steps of `bucket_s`: the nearest first, and yet trees of about the same deadline are ordered by what
   follows. None comes last.
4. A continuation, a parent whose children have all returned: it ends work rather than begin some, and frees memory.
5. The deeper node: depth first keeps few nodes open at once.
6. The older tree. 7. The earlier arrival.
"""

import heapq
import math
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A call that waits for a slot; times in epoch seconds, `priority` from -10 to 10, higher is sooner."""

    ticket_id: int
    enqueued: float
    tree_started: float
    priority: int = 0
    deadline: float | None = None
    continuation: bool = False
    depth: int = 0
    tenant: str = "default"


class _Rank(NamedTuple):
    """What a heap sorts by, smallest first; `arrival` is unique, so that the ticket itself is never compared."""

    key: tuple[float, ...]
    arrival: int
    ticket: Ticket


class ReadyQueue:
    """Tickets in the order above; deterministic. Push, pop and remove cost O(log n) amortised.

    Every ticket stands in two heaps, by rank and by age. One that left through the other heap, or was removed, stays
    behind as a dead entry until it comes to the top or until dead entries are the majority.
    """

    def __init__(self, *, ageing_s: float = 30.0, bucket_s: float = 10.0) -> None:
        self._ageing_s = ageing_s
        self._bucket_s = bucket_s
        self._arrivals = 0
        self._alive = dict[int, int]()  # ticket_id -> arrival
        self._by_rank = list[_Rank]()
        self._by_age = list[_Rank]()

    def __len__(self) -> int:
        return len(self._alive)

    def push(self, ticket: Ticket) -> None:
        """Add a ticket. Raises ValueError when one of its id waits already."""
        if ticket.ticket_id in self._alive:
            raise ValueError(f"ticket {ticket.ticket_id} waits already")
        self._arrivals += 1
        self._alive[ticket.ticket_id] = self._arrivals
        heapq.heappush(self._by_rank, _Rank(self._rank(ticket), self._arrivals, ticket))
        heapq.heappush(self._by_age, _Rank((ticket.enqueued,), self._arrivals, ticket))

    def peek(self, now: float) -> Ticket | None:
        """The ticket that `pop` would take, or None when empty."""
        aged = self._top(self._by_age)
        if aged is not None and now - aged.enqueued >= self._ageing_s:
            return aged
        return self._top(self._by_rank)

    def pop(self, now: float) -> Ticket | None:
        """Take the next ticket, or None when empty."""
        ticket = self.peek(now)
        if ticket is not None:
            self.remove(ticket.ticket_id)
        return ticket

    def remove(self, ticket_id: int) -> bool:
        """Drop a ticket, e.g. of a cancelled node; False when it does not wait here."""
        if self._alive.pop(ticket_id, None) is None:
            return False
        self._by_rank = self._compacted(self._by_rank)
        self._by_age = self._compacted(self._by_age)
        return True

    def _rank(self, ticket: Ticket) -> tuple[float, ...]:
        bucket = math.inf if ticket.deadline is None else ticket.deadline // self._bucket_s
        return (-ticket.priority, bucket, not ticket.continuation, -ticket.depth, ticket.tree_started)

    def _top(self, heap: list[_Rank]) -> Ticket | None:
        while heap and not self._lives(heap[0]):
            heapq.heappop(heap)
        return heap[0].ticket if heap else None

    def _lives(self, entry: _Rank) -> bool:
        return self._alive.get(entry.ticket.ticket_id) == entry.arrival

    def _compacted(self, heap: list[_Rank]) -> list[_Rank]:
        """The heap without dead entries once they are the majority; the few of a short heap are let be."""
        if len(heap) < 2 * len(self._alive) + 64:
            return heap
        alive = [entry for entry in heap if self._lives(entry)]
        heapq.heapify(alive)
        return alive
