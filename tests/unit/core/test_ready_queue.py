import math
from dataclasses import replace
from typing import TypedDict, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rao_runtime.core.ready_queue import ReadyQueue, Ticket

AGEING_S = 30.0
BUCKET_S = 10.0


class Fields(TypedDict, total=False):
    enqueued: float
    tree_started: float
    priority: int
    deadline: float | None
    continuation: bool
    depth: int


def ticket(ticket_id: int, **fields: Unpack[Fields]) -> Ticket:
    return replace(Ticket(ticket_id=ticket_id, enqueued=0.0, tree_started=0.0), **fields)


def order(*tickets: Ticket, now: float = 0.0) -> list[int]:
    queue = ReadyQueue()
    for each in tickets:
        queue.push(each)
    return drained(queue, now)


def drained(queue: ReadyQueue, now: float) -> list[int]:
    ids = list[int]()
    while (each := queue.pop(now)) is not None:
        ids.append(each.ticket_id)
    return ids


def place(each: Ticket, arrival: int, now: float) -> tuple[float, ...]:
    """The order of the queue as one sort key."""
    if now - each.enqueued >= AGEING_S:
        return (0, each.enqueued, arrival)
    bucket = math.inf if each.deadline is None else math.floor(each.deadline / BUCKET_S)
    return (1, -each.priority, bucket, 0 if each.continuation else 1, -each.depth, each.tree_started, arrival)


FIELDS: st.SearchStrategy[Fields] = st.builds(
    Fields,
    enqueued=st.integers(0, 60).map(float),
    tree_started=st.integers(0, 3).map(float),
    priority=st.integers(-2, 2),
    deadline=st.none() | st.integers(100, 140).map(float),
    continuation=st.booleans(),
    depth=st.integers(0, 3),
)


def test_each_criterion_decides_before_the_ones_below_it() -> None:
    last = ticket(0, tree_started=5.0)
    older_tree = ticket(1, tree_started=4.0)
    deeper = ticket(2, depth=1, tree_started=9.0)
    continuation = ticket(3, continuation=True, tree_started=9.0)
    deadline = ticket(4, deadline=1000.0, tree_started=9.0)
    nearer_deadline = ticket(5, deadline=100.0, tree_started=9.0)
    priority = ticket(6, priority=1, tree_started=9.0)
    assert order(last, older_tree, deeper, continuation, deadline, nearer_deadline, priority) == [6, 5, 4, 3, 2, 1, 0]


def test_equals_go_in_the_order_they_came() -> None:
    assert order(*(ticket(ticket_id) for ticket_id in (3, 1, 2))) == [3, 1, 2]


def test_deadlines_of_one_bucket_do_not_outweigh_a_continuation() -> None:
    assert order(ticket(1, deadline=101.0), ticket(2, deadline=109.0, continuation=True)) == [2, 1]
    assert order(ticket(1, deadline=109.0), ticket(2, deadline=110.0, continuation=True)) == [1, 2]


def test_a_ticket_that_waited_long_enough_goes_before_every_priority() -> None:
    queue = ReadyQueue(ageing_s=30.0)
    queue.push(ticket(1, priority=-10, enqueued=1.0))
    queue.push(ticket(2, priority=10, enqueued=20.0))
    assert queue.peek(30.9) == ticket(2, priority=10, enqueued=20.0)
    assert queue.peek(31.0) == ticket(1, priority=-10, enqueued=1.0)
    assert drained(queue, 31.0) == [1, 2]


def test_a_removed_ticket_never_comes_out() -> None:
    queue = ReadyQueue()
    for ticket_id in range(5):
        queue.push(ticket(ticket_id))
    assert queue.remove(0)
    assert queue.remove(3)
    assert not queue.remove(3)
    assert not queue.remove(99)
    assert len(queue) == 3
    assert drained(queue, 0.0) == [1, 2, 4]
    assert not queue.remove(1)


def test_an_id_may_come_back_after_it_left_but_not_before() -> None:
    queue = ReadyQueue()
    queue.push(ticket(1, priority=5))
    with pytest.raises(ValueError, match="ticket 1 waits already"):
        queue.push(ticket(1))
    queue.remove(1)
    queue.push(ticket(2))
    queue.push(ticket(1))
    assert drained(queue, 100.0) == [2, 1]


def test_an_empty_queue_gives_nothing() -> None:
    queue = ReadyQueue()
    assert queue.peek(0.0) is None
    assert queue.pop(0.0) is None
    assert len(queue) == 0


@given(st.lists(FIELDS, max_size=30), st.integers(60, 100).map(float))
def test_tickets_come_out_as_one_sort_would_put_them(fields: list[Fields], now: float) -> None:
    tickets = [ticket(index, **each) for index, each in enumerate(fields)]
    expected = sorted(tickets, key=lambda each: place(each, each.ticket_id, now))
    assert order(*tickets, now=now) == [each.ticket_id for each in expected]


@given(st.lists(FIELDS, min_size=1, max_size=20), st.integers(0, 60))
def test_no_stream_of_urgent_tickets_starves_one_that_aged(fields: list[Fields], enqueued: int) -> None:
    queue = ReadyQueue(ageing_s=AGEING_S)
    for index, each in enumerate(fields):
        queue.push(ticket(index, **each))
    victim = ticket(1000, priority=-10, enqueued=float(enqueued), tree_started=99.0)
    queue.push(victim)
    older = sum(ticket(0, **each).enqueued <= victim.enqueued for each in fields)
    now = victim.enqueued + AGEING_S
    popped = 0
    while (out := queue.pop(now)) != victim:
        assert out is not None
        popped += 1
        now += 1.0
        queue.push(ticket(2000 + popped, priority=10, enqueued=now, continuation=True))
    assert popped <= older


def test_a_hundred_thousand_tickets_pass_through() -> None:
    queue = ReadyQueue()
    for ticket_id in range(100_000):
        queue.push(Ticket(ticket_id=ticket_id, enqueued=0.0, tree_started=0.0, priority=ticket_id % 21 - 10))
    for ticket_id in range(0, 100_000, 2):
        queue.remove(ticket_id)
    ids = drained(queue, 0.0)
    assert len(ids) == 50_000
    assert all(ticket_id % 2 for ticket_id in ids)


class AgainstAList(RuleBasedStateMachine):
    """The queue beside a plain list that is sorted anew for every pop."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = ReadyQueue(ageing_s=AGEING_S, bucket_s=BUCKET_S)
        self.waiting = dict[int, tuple[int, Ticket]]()
        self.arrivals = 0
        self.now = 0.0

    @rule(seconds=st.sampled_from([0.0, 1.0, 10.0, 31.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(ticket_id=st.integers(0, 20), fields=FIELDS)
    def push(self, ticket_id: int, fields: Fields) -> None:
        new = replace(ticket(ticket_id, **fields), enqueued=self.now)
        if ticket_id in self.waiting:
            with pytest.raises(ValueError, match="waits already"):
                self.queue.push(new)
        else:
            self.queue.push(new)
            self.arrivals += 1
            self.waiting[ticket_id] = (self.arrivals, new)

    @rule(ticket_id=st.integers(0, 20))
    def remove(self, ticket_id: int) -> None:
        assert self.queue.remove(ticket_id) == (self.waiting.pop(ticket_id, None) is not None)

    @rule()
    def pop(self) -> None:
        expected = min(self.waiting.values(), key=lambda w: place(w[1], w[0], self.now), default=None)
        assert self.queue.peek(self.now) == (expected[1] if expected else None)
        assert self.queue.pop(self.now) == (expected[1] if expected else None)
        if expected:
            del self.waiting[expected[1].ticket_id]

    @invariant()
    def nothing_is_lost(self) -> None:
        assert len(self.queue) == len(self.waiting)


TestAgainstAList = AgainstAList.TestCase
