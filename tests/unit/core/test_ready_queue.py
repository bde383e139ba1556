import math
from dataclasses import replace
from typing import TypedDict, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rao_runtime.core.attained_service import AttainedService
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
    tenant: str


def ticket(ticket_id: int, **fields: Unpack[Fields]) -> Ticket:
    return replace(Ticket(ticket_id=ticket_id, enqueued=0.0, tree_started=0.0), **fields)


def order(*tickets: Ticket, now: float = 0.0) -> list[int]:
    queue = ReadyQueue(ageing_s=AGEING_S)
    for each in tickets:
        queue.push(each)
    return drained(queue, now)


def drained(queue: ReadyQueue, now: float) -> list[int]:
    ids = list[int]()
    while (each := queue.pop(now)) is not None:
        ids.append(each.ticket_id)
    return ids


def place(each: Ticket, arrival: int, now: float, level: float = 0.0) -> tuple[float, ...]:
    """The order of the queue as one sort key; `level` is that of its tenant's service."""
    if now - each.enqueued >= AGEING_S:
        return (0, level, each.enqueued, arrival)
    bucket = math.inf if each.deadline is None else math.floor(each.deadline / BUCKET_S)
    return (1, -each.priority, bucket, level, 0 if each.continuation else 1, -each.depth, each.tree_started, arrival)


FIELDS: st.SearchStrategy[Fields] = st.builds(
    Fields,
    enqueued=st.integers(0, 60).map(float),
    tree_started=st.integers(0, 3).map(float),
    priority=st.integers(-2, 2),
    deadline=st.none() | st.integers(100, 140).map(float),
    continuation=st.booleans(),
    depth=st.integers(0, 3),
    tenant=st.sampled_from("abc"),
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
    victim = ticket(1000, priority=-10, enqueued=float(enqueued), tree_started=99.0, tenant="d")
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


def test_the_tenant_with_the_least_service_goes_first_between_deadline_and_continuation() -> None:
    queue = ReadyQueue()
    queue.charge("served", 1000, 0.0)
    queue.push(ticket(0, tenant="served", continuation=True, depth=3))
    queue.push(ticket(1, tenant="waited", tree_started=9.0))
    queue.push(ticket(2, tenant="served", deadline=100.0))
    queue.push(ticket(3, tenant="served", priority=1))
    assert drained(queue, 0.0) == [3, 2, 1, 0]


def test_a_ticket_that_aged_goes_before_those_of_a_tenant_that_was_never_served() -> None:
    queue = ReadyQueue(ageing_s=30.0)
    queue.charge("served", 1000, 0.0)
    queue.push(ticket(1, tenant="served", enqueued=1.0, priority=-10))
    queue.push(ticket(2, tenant="new", enqueued=1.1, priority=10))
    assert drained(queue, 31.0) == [1, 2]


def test_of_tickets_that_all_aged_a_flood_of_one_tenant_does_not_keep_the_others_out() -> None:
    queue = ReadyQueue(ageing_s=30.0)
    for ticket_id in range(100):
        queue.push(ticket(ticket_id, tenant="flood"))
    queue.push(ticket(100, tenant="small", enqueued=10.0))
    queue.push(ticket(101, tenant="small", enqueued=10.0))
    served = list[int]()
    while (each := queue.pop(50.0)) is not None:
        served.append(each.ticket_id)
        queue.charge(each.tenant, 1000, 50.0)
    assert served == [0, 100, 1, 101, *range(2, 100)]


def test_queues_of_one_service_are_fair_together() -> None:
    service = AttainedService()
    queue, other = ReadyQueue(service=service), ReadyQueue(service=service)
    queue.push(ticket(1, tenant="a"))
    queue.push(ticket(2, tenant="b"))
    other.charge("a", 1000, 0.0)
    assert drained(queue, 0.0) == [2, 1]


def test_by_arrival_means_first_come_first_served_and_nothing_else() -> None:
    queue = ReadyQueue(by_arrival=True)
    queue.charge("a", 1000, 0.0)
    queue.push(ticket(1, tenant="a", enqueued=1.0, priority=-10))
    queue.push(ticket(2, tenant="b", enqueued=1.0, priority=10, continuation=True))
    queue.push(ticket(3, tenant="b", enqueued=0.5, tree_started=9.0))
    assert queue.remove(2)
    queue.push(ticket(4, tenant="c", enqueued=1.0, deadline=10.0))
    assert drained(queue, 1.0) == [3, 1, 4]


@given(st.lists(FIELDS, max_size=30), st.integers(60, 200).map(float))
def test_by_arrival_whoever_waits_longest_goes_first(fields: list[Fields], now: float) -> None:
    queue = ReadyQueue(by_arrival=True)
    tickets = [ticket(index, **each) for index, each in enumerate(fields)]
    for each in tickets:
        queue.push(each)
    assert drained(queue, now) == [each.ticket_id for each in sorted(tickets, key=lambda each: each.enqueued)]


MOST = 10_000
CALLS = st.lists(st.tuples(st.integers(1, MOST), st.floats(0, 40)), min_size=1, max_size=200)


@given(CALLS, st.integers(2, 5), st.integers(1, 40), st.sampled_from([0.0, math.inf]))
def test_while_all_or_none_have_aged_the_service_of_tenants_that_always_wait_differs_by_one_call_at_most(
    calls: list[tuple[int, float]], tenants: int, backlog: int, ageing_s: float
) -> None:
    service = AttainedService()
    queue = ReadyQueue(ageing_s=ageing_s, service=service)
    names = [f"tenant-{n}" for n in range(tenants)]
    ids = iter(range(10**6))
    now = 1.8e9
    for tenant in names * backlog:
        queue.push(ticket(next(ids), tenant=tenant, enqueued=now, depth=len(queue) % 3))
    for tokens, after in calls:
        now += after
        each = queue.pop(now)
        assert each is not None
        queue.charge(each.tenant, tokens, now)
        queue.push(ticket(next(ids), tenant=each.tenant, enqueued=now, continuation=tokens % 2 == 0))
        held = [service.tokens(tenant, now) for tenant in names]
        assert max(held) - min(held) <= (MOST + 1) * (1 + 1e-6)


def test_a_flood_that_has_aged_delays_a_call_of_another_tenant_until_that_has_aged_and_no_longer() -> None:
    queue = ReadyQueue(ageing_s=30.0)
    for ticket_id in range(1000):
        queue.push(ticket(ticket_id, tenant="flood"))
    waits = list[float]()
    for second in range(1000):
        now = float(second)
        if second >= 40 and second % 50 == 0:
            queue.push(ticket(1000 + second, tenant="small", enqueued=now))
        each = queue.pop(now)
        assert each is not None
        queue.charge(each.tenant, 1000, now)
        if each.tenant == "small":
            waits.append(now - each.enqueued)
    assert waits == [30.0] * 19


@pytest.mark.parametrize("incumbents", [1, 2, 5])
def test_a_newcomer_is_served_alone_for_one_half_life_at_most(incumbents: int) -> None:
    queue = ReadyQueue(ageing_s=math.inf)
    ids = iter(range(10**6))
    for n in range(incumbents):
        queue.push(ticket(next(ids), tenant=f"old-{n}"))
    second = 0

    def serve() -> str:
        nonlocal second
        second += 1
        each = queue.pop(float(second))
        assert each is not None
        queue.charge(each.tenant, 1000, float(second))
        queue.push(ticket(next(ids), tenant=each.tenant))
        return each.tenant

    for _ in range(1800):
        serve()
    queue.push(ticket(next(ids), tenant="new"))
    alone = 0
    while serve() == "new":
        alone += 1
    assert alone == pytest.approx(60.0 * math.log2(1 + 1 / incumbents), abs=2.0)
    after = [serve() for _ in range(60 * (incumbents + 1))]
    assert after.count("new") == pytest.approx(60, abs=2)


@given(st.lists(st.tuples(st.integers(1, MOST), st.floats(0.1, 5.0)), min_size=5, max_size=60))
def test_nobody_starves_however_much_one_had_before_and_whoever_comes_new(calls: list[tuple[int, float]]) -> None:
    queue = ReadyQueue(ageing_s=AGEING_S)
    queue.charge("victim", 2**20, 0.0)
    queue.push(ticket(0, tenant="victim", priority=-10))
    now, ticket_id = 0.0, 0
    while True:
        for tokens, after in calls:
            now += after
            ticket_id += 1
            queue.push(ticket(ticket_id, tenant=f"new-{ticket_id}", enqueued=now - AGEING_S, priority=10))
            each = queue.pop(now)
            assert each is not None
            if each.tenant == "victim":
                return
            queue.charge(each.tenant, tokens, now)
        # Twenty half-lives are what 2**20 tokens take to be as good as none, and then the oldest goes first.
        assert now <= 1200.0 + sum(after for _, after in calls)


@given(st.lists(FIELDS, min_size=1, max_size=60), st.integers(1, 20), st.data())
def test_those_that_may_go_ahead_are_the_next_of_the_same_tenant_priority_and_deadline_step(
    fields: list[Fields], most: int, data: st.DataObject
) -> None:
    queue = ReadyQueue(ageing_s=math.inf, bucket_s=BUCKET_S)
    waiting = [ticket(ticket_id, **each) for ticket_id, each in enumerate(fields)]
    for each in waiting:
        queue.push(each)
    for gone in data.draw(st.sets(st.integers(0, len(waiting) - 1), max_size=len(waiting) - 1)):
        queue.remove(gone)
    found = queue.ahead(0.0, most)
    assert found[0] == queue.peek(0.0)

    def standing(each: Ticket) -> tuple[object, ...]:
        return (each.tenant, each.priority, None if each.deadline is None else each.deadline // BUCKET_S)

    alike = [
        waiting[ticket_id] for ticket_id in drained(queue, 0.0) if standing(waiting[ticket_id]) == standing(found[0])
    ]
    assert found == alike[:most]


def test_nobody_goes_ahead_of_a_ticket_that_has_aged_nor_where_arrival_is_all_that_counts() -> None:
    for queue in (ReadyQueue(ageing_s=10.0), ReadyQueue(by_arrival=True)):
        for ticket_id in range(3):
            queue.push(ticket(ticket_id))
        assert queue.ahead(10.0, 16) == [ticket(0)]


class AgainstAList(RuleBasedStateMachine):
    """The queue beside a plain list that is sorted anew for every pop."""

    def __init__(self) -> None:
        super().__init__()
        self.service = AttainedService()
        self.queue = ReadyQueue(ageing_s=AGEING_S, bucket_s=BUCKET_S, service=self.service)
        self.waiting = dict[int, tuple[int, Ticket]]()
        self.arrivals = 0
        self.now = 0.0

    @rule(seconds=st.sampled_from([0.0, 1.0, 10.0, 31.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(tenant=st.sampled_from("abc"), tokens=st.sampled_from([0, 10, 20, 1000]))
    def charge(self, tenant: str, tokens: int) -> None:
        self.queue.charge(tenant, tokens, self.now)

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
        expected = min(self.waiting.values(), key=self.place, default=None)
        assert self.queue.peek(self.now) == (expected[1] if expected else None)
        assert self.queue.pop(self.now) == (expected[1] if expected else None)
        if expected:
            del self.waiting[expected[1].ticket_id]

    def place(self, waits: tuple[int, Ticket]) -> tuple[float, ...]:
        arrival, each = waits
        return place(each, arrival, self.now, self.service.level(each.tenant, self.now))

    @invariant()
    def nothing_is_lost(self) -> None:
        assert len(self.queue) == len(self.waiting)


TestAgainstAList = AgainstAList.TestCase
