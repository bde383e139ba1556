from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rao_runtime.core.ready_queue import ReadyQueue, Ticket
from rao_runtime.core.tree_gate import TreeGate

TREES = st.sampled_from("stuvwxyz")


def ticket(ticket_id: int, tree: str, *, priority: int = 0, depth: int = 0, enqueued: float = 0.0) -> Ticket:
    return Ticket(ticket_id=ticket_id, tree=tree, priority=priority, depth=depth, enqueued=enqueued, tree_started=0.0)


def ids(tickets: list[Ticket]) -> list[int]:
    return [each.ticket_id for each in tickets]


def test_without_a_limit_every_tree_is_let_in() -> None:
    gate = TreeGate()
    assert all(gate.offer(ticket(n, f"tree-{n}")) for n in range(100))
    assert gate.active == 100
    assert gate.opened(0.0) == []


def test_a_tree_beyond_the_limit_is_kept_until_another_ends() -> None:
    gate = TreeGate(limit=1)
    assert gate.offer(ticket(1, "a"))
    assert not gate.offer(ticket(2, "b"))
    assert gate.opened(0.0) == []
    gate.ended("a")
    assert ids(gate.opened(0.0)) == [2]
    assert gate.opened(0.0) == []
    assert (gate.active, len(gate)) == (1, 0)


def test_an_admitted_tree_has_all_its_calls_let_in_even_when_the_limit_falls() -> None:
    gate = TreeGate()
    for tree in "abc":
        assert gate.offer(ticket(ord(tree), tree))
    gate.limit = 1
    assert gate.offer(ticket(1, "a", depth=1))
    assert gate.offer(ticket(2, "b", depth=1))
    assert not gate.offer(ticket(3, "d"))
    gate.ended("a")
    gate.ended("b")
    assert gate.opened(0.0) == []
    gate.ended("c")
    assert ids(gate.opened(0.0)) == [3]


def test_a_higher_limit_lets_in_trees_in_the_order_of_their_best_tickets() -> None:
    gate = TreeGate(limit=0)
    gate.offer(ticket(1, "late"))
    gate.offer(ticket(2, "first"))
    gate.offer(ticket(3, "second", priority=1))
    gate.offer(ticket(4, "first", priority=2))
    gate.offer(ticket(5, "first", depth=3))
    gate.limit = 2
    assert ids(gate.opened(0.0)) == [2, 4, 5, 3]
    gate.limit = None
    assert ids(gate.opened(0.0)) == [1]


def test_a_tree_that_waited_long_goes_before_a_more_urgent_one() -> None:
    gate = TreeGate(ReadyQueue(ageing_s=30.0), limit=0)
    gate.offer(ticket(1, "urgent", priority=10, enqueued=20.0))
    gate.offer(ticket(2, "old", priority=-10, enqueued=0.0))
    gate.limit = 1
    assert ids(gate.opened(30.0)) == [2]


def test_a_tree_that_comes_new_goes_behind_those_that_wait() -> None:
    gate = TreeGate(limit=1)
    assert gate.offer(ticket(1, "a"))
    assert not gate.offer(ticket(2, "b"))
    gate.ended("a")
    assert not gate.offer(ticket(3, "c", priority=-1))
    assert ids(gate.opened(0.0)) == [2]


def test_a_removed_ticket_never_comes_out_nor_admits_its_tree() -> None:
    gate = TreeGate(limit=0)
    gate.offer(ticket(1, "a"))
    gate.offer(ticket(2, "b"))
    gate.offer(ticket(3, "b"))
    assert gate.remove(1)
    assert not gate.remove(1)
    assert gate.remove(2)
    gate.limit = 5
    assert ids(gate.opened(0.0)) == [3]
    assert not gate.remove(3)
    assert gate.active == 1


def test_a_tree_whose_tickets_are_all_removed_holds_nobody_back() -> None:
    gate = TreeGate(limit=1)
    assert gate.offer(ticket(1, "a"))
    assert not gate.offer(ticket(2, "b"))
    assert gate.remove(2)
    gate.ended("a")
    assert gate.offer(ticket(3, "c"))


def test_a_tree_that_ends_while_it_is_kept_leaves_nothing_behind() -> None:
    gate = TreeGate(limit=0)
    gate.offer(ticket(1, "a"))
    gate.ended("a")
    assert len(gate) == 0
    assert not gate.remove(1)
    gate.limit = 1
    assert gate.opened(0.0) == []
    assert gate.active == 0


def test_a_call_of_no_tree_is_never_kept_and_counts_as_none() -> None:
    gate = TreeGate(limit=0)
    assert gate.offer(ticket(1, ""))
    assert gate.active == 0


def test_a_ticket_cannot_be_kept_twice() -> None:
    gate = TreeGate(limit=0)
    gate.offer(ticket(1, "a"))
    with pytest.raises(ValueError, match="ticket 1 waits already"):
        gate.offer(ticket(1, "b"))
    gate.limit = None
    assert ids(gate.opened(0.0)) == [1]
    assert gate.active == 1


@given(st.lists(st.tuples(TREES, st.integers(-2, 2), st.integers(0, 3)), max_size=30), st.integers(0, 8))
def test_the_trees_let_in_are_those_a_ready_queue_would_serve_first(
    offers: list[tuple[str, int, int]], limit: int
) -> None:
    gate, queue = TreeGate(limit=0), ReadyQueue()
    for number, (tree, priority, depth) in enumerate(offers):
        gate.offer(ticket(number, tree, priority=priority, depth=depth))
        queue.push(ticket(number, tree, priority=priority, depth=depth))
    trees = list[str]()
    while (each := queue.pop(0.0)) is not None:
        if each.tree not in trees:
            trees.append(each.tree)
    gate.limit = limit
    assert list(dict.fromkeys(each.tree for each in gate.opened(0.0))) == trees[:limit]


class AgainstTheBooks(RuleBasedStateMachine):
    """The gate beside a plain account of where every ticket is and which trees are in."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = TreeGate()
        self.now = 0.0
        self.offered = 0
        self.kept = dict[int, str]()
        self.let_in = set[int]()
        self.active = set[str]()

    @rule(tree=TREES, priority=st.integers(-2, 2), seconds=st.sampled_from([0.0, 20.0]))
    def offer(self, tree: str, priority: int, seconds: float) -> None:
        self.now += seconds
        self.offered += 1
        new = replace(ticket(self.offered, tree), priority=priority, enqueued=self.now)
        if self.gate.offer(new):
            self.enters(new)
        else:
            assert tree not in self.active
            assert self.kept or not self.has_room()
            self.kept[new.ticket_id] = tree

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        ticket_id = data.draw(st.integers(0, self.offered))
        assert self.gate.remove(ticket_id) == (self.kept.pop(ticket_id, None) is not None)

    @rule(tree=TREES)
    def ended(self, tree: str) -> None:
        self.gate.ended(tree)
        self.active.discard(tree)
        self.kept = {ticket_id: of for ticket_id, of in self.kept.items() if of != tree}

    @rule(limit=st.none() | st.integers(0, 6))
    def limited(self, limit: int | None) -> None:
        self.gate.limit = limit

    @rule()
    def opened(self) -> None:
        for each in self.gate.opened(self.now):
            assert self.kept.pop(each.ticket_id) == each.tree
            self.enters(each)
        assert not (self.kept and self.has_room())
        assert self.active.isdisjoint(self.kept.values())

    def enters(self, each: Ticket) -> None:
        assert each.ticket_id not in self.let_in
        self.let_in.add(each.ticket_id)
        if each.tree not in self.active:
            assert self.has_room()
            self.active.add(each.tree)

    def has_room(self) -> bool:
        return self.gate.limit is None or len(self.active) < self.gate.limit

    @invariant()
    def the_books_agree(self) -> None:
        assert len(self.gate) == len(self.kept)
        assert self.gate.active == len(self.active)


TestAgainstTheBooks = AgainstTheBooks.TestCase
