"""Which ready call goes to a replica first. Knows no replica: who pops decides that there is room.

The order, and why:

1. A ticket that waited `ageing_s`, before all that have not: whatever comes below, nobody starves. Of several, 4.
   decides, then the oldest goes first: were it the oldest alone, a tenant that floods the queue for longer than
   `ageing_s` would be served alone, just when the others need a fair share.
2. Priority, as the client asked.
3. Deadline, in steps of `bucket_s`: the nearest first, and yet trees of about the same deadline are ordered by what
   follows. None comes last.
4. The tenant that has had the least service, where several wait.
5. A continuation, a parent whose children have all returned: it ends work rather than begin some, and frees memory.
6. The deeper node: depth first keeps few nodes open at once.
7. The older tree. 8. The earlier arrival.
"""

import heapq
import math
from dataclasses import dataclass
from typing import NamedTuple

from rao_runtime.core.attained_service import AttainedService

# Where more comes in than is served, all tickets age in the end, and the order becomes first come, first served: with
# 30 s simulated forests took a third longer under scarce KV than with 120 s, and no less with 300 s.
AGEING_S = 120.0


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
    tree: str = ""


class _Rank(NamedTuple):
    """What a heap sorts by, smallest first; `arrival` is unique, so that the ticket itself is never compared."""

    key: tuple[float, ...]
    arrival: int
    ticket: Ticket


class _Line:
    """The tickets of one tenant, never none for long. Every ticket stands in two heaps, by rank and by age.

    One that is removed stays behind as a dead entry until it comes to the top or until dead entries are the majority.
    The top of a heap is alive at all times, so that a look at it costs nothing.
    """

    __slots__ = ("_alive", "by_age", "by_rank", "tenant")

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.by_rank = list[_Rank]()
        self.by_age = list[_Rank]()
        self._alive = dict[int, int]()  # ticket_id -> arrival

    def push(self, ticket: Ticket, arrival: int, key: tuple[float, ...]) -> None:
        self._alive[ticket.ticket_id] = arrival
        heapq.heappush(self.by_rank, _Rank(key, arrival, ticket))
        heapq.heappush(self.by_age, _Rank((ticket.enqueued,), arrival, ticket))

    def remove(self, ticket_id: int) -> bool:
        """Whether any ticket is left; if none is, the line is done with."""
        del self._alive[ticket_id]
        if not self._alive:
            return False
        self.by_rank = self._cleared(self.by_rank)
        self.by_age = self._cleared(self.by_age)
        return True

    def first(self, most: int) -> list[Ticket]:
        """The first tickets by rank that have the priority and the deadline step of the very first, in their order."""
        heap, found = self.by_rank, list[Ticket]()
        frontier = [(heap[0], 0)]
        while frontier and len(found) < most:
            entry, at = heapq.heappop(frontier)
            if entry.key[:2] != heap[0].key[:2]:
                break
            if self._alive.get(entry.ticket.ticket_id) == entry.arrival:
                found.append(entry.ticket)
            for below in range(2 * at + 1, min(2 * at + 3, len(heap))):
                heapq.heappush(frontier, (heap[below], below))
        return found

    def _cleared(self, heap: list[_Rank]) -> list[_Rank]:
        """The heap with a living top, and with no dead entries once they are the majority of a heap not short."""
        alive = self._alive
        if len(heap) >= 2 * len(alive) + 64:
            heap = [entry for entry in heap if alive.get(entry.ticket.ticket_id) == entry.arrival]
            heapq.heapify(heap)
        while alive.get(heap[0].ticket.ticket_id) != heap[0].arrival:
            heapq.heappop(heap)
        return heap


class ReadyQueue:
    """Tickets in the order above; deterministic. Each method costs O(log n) amortised, and O(tenants waiting) to look.

    Queues that serve the same replicas share one `service`. With `by_arrival` the order is first come, first served
    and nothing else: what other orders are measured against.
    """

    def __init__(
        self,
        *,
        ageing_s: float = AGEING_S,
        bucket_s: float = 10.0,
        by_arrival: bool = False,
        service: AttainedService | None = None,
    ) -> None:
        # First come, first served is the order of tickets that have all aged, of a single tenant.
        self._by_arrival = by_arrival
        self._ageing_s = -math.inf if by_arrival else ageing_s
        self._bucket_s = bucket_s
        self._service = AttainedService() if service is None else service
        self._arrivals = 0
        self._lines = dict[str, _Line]()
        self._line_of = dict[int, _Line]()

    def __len__(self) -> int:
        return len(self._line_of)

    def push(self, ticket: Ticket) -> None:
        """Add a ticket. Raises ValueError when one of its id waits already."""
        if ticket.ticket_id in self._line_of:
            raise ValueError(f"ticket {ticket.ticket_id} waits already")
        tenant = "" if self._by_arrival else ticket.tenant
        line = self._lines.get(tenant)
        if line is None:
            line = self._lines[tenant] = _Line(tenant)
        self._arrivals += 1
        self._line_of[ticket.ticket_id] = line
        line.push(ticket, self._arrivals, self._key(ticket))

    def peek(self, now: float) -> Ticket | None:
        """The ticket that `pop` would take, or None when empty."""
        if not self._lines:
            return None
        if len(self._lines) == 1:
            (line,) = self._lines.values()
        else:
            line = min(self._lines.values(), key=lambda each: self._standing(each, now))
        oldest = line.by_age[0].ticket
        return oldest if now - oldest.enqueued >= self._ageing_s else line.by_rank[0].ticket

    def ahead(self, now: float, most: int) -> list[Ticket]:
        """The ticket that `peek` gives and those after it that may go before it, `most` in all, in their order.

        These have its tenant, priority and deadline step; nobody goes before a ticket that has aged. Costs
        O(most log most), however many wait.
        """
        head = self.peek(now)
        if head is None:
            return []
        return [head] if now - head.enqueued >= self._ageing_s else self._line_of[head.ticket_id].first(most)

    def pop(self, now: float) -> Ticket | None:
        """Take the next ticket, or None when empty."""
        ticket = self.peek(now)
        if ticket is not None:
            self.remove(ticket.ticket_id)
        return ticket

    def remove(self, ticket_id: int) -> bool:
        """Drop a ticket, e.g. of a cancelled node; False when it does not wait here."""
        line = self._line_of.pop(ticket_id, None)
        if line is None:
            return False
        if not line.remove(ticket_id):
            del self._lines[line.tenant]
        return True

    def charge(self, tenant: str, tokens: int, now: float) -> None:
        """Book what a tenant was served: prompt tokens, and each output token as two. See AttainedService."""
        self._service.charge(tenant, tokens, now)

    def _key(self, ticket: Ticket) -> tuple[float, ...]:
        bucket = math.inf if ticket.deadline is None else ticket.deadline // self._bucket_s
        return (-ticket.priority, bucket, not ticket.continuation, -ticket.depth, ticket.tree_started)

    def _standing(self, line: _Line, now: float) -> tuple[float, ...]:
        """The whole order as a sort key, of the first ticket of a line."""
        level = self._service.level(line.tenant, now)
        (enqueued,), arrival, _ = line.by_age[0]
        if now - enqueued >= self._ageing_s:
            return (0, level, enqueued, arrival)
        key, arrival, _ = line.by_rank[0]
        return (1, *key[:2], level, *key[2:], arrival)
