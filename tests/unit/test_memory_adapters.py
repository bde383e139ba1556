"""What the in-memory stores and the system clock do beyond their ports."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.adapters.clock import SystemClock, new_tree_id, tree_id_of
from rao_runtime.adapters.index_order import Ended
from rao_runtime.adapters.memory_index import beyond
from rao_runtime.adapters.memory_journal import MemoryJournal
from rao_runtime.ports import Retention
from tests.conformance.journal_makers import delta, event


async def test_max_deltas_bounds_what_a_follower_leaves_unread() -> None:
    journal = MemoryJournal(max_deltas=3)
    await journal.create("t1")
    await journal.claim("t1")
    async with journal.follow("t1", deltas=True) as batches:
        for n in range(10):
            journal.publish(delta(n))
        assert list(await anext(batches)) == [delta(7), delta(8), delta(9)]


async def test_what_was_read_stays_whole_when_the_tree_is_deleted() -> None:
    journal = MemoryJournal()
    await journal.create("t1")
    await journal.claim("t1")
    await journal.append("t1", 1, [event(1)])
    events = await journal.read("t1")
    async with journal.follow("t1") as batches:
        batch = await anext(batches)
        await journal.delete("t1")
    assert list(events) == list(batch) == [event(1)]


@given(
    ages=st.lists(st.floats(0, 1000), max_size=20).map(lambda ages: sorted(ages, reverse=True)),
    retain_trees=st.integers(0, 25),
    retain_s=st.floats(1, 1000),
)
def test_what_is_kept_fits_and_nothing_kept_is_older_than_what_is_dropped(
    ages: list[float], retain_trees: int, retain_s: float
) -> None:
    now = 10_000.0
    ended = {f"t{n}": Ended(now - age, nodes=1) for n, age in enumerate(ages)}
    retention = Retention(trees=retain_trees, nodes=100, age_s=retain_s)
    dropped = beyond(ended, retention, now=now)
    kept = list(ended)[len(dropped) :]
    assert list(dropped) == list(ended)[: len(dropped)]
    assert len(kept) <= retain_trees
    assert all(ended[tree_id].at > now - retain_s for tree_id in kept)
    if dropped and len(kept) < retain_trees:
        assert ended[dropped[-1]].at <= now - retain_s


def test_tree_ids_are_short_lowercase_and_fit_a_path() -> None:
    tree_id = new_tree_id()
    assert len(tree_id) == 26
    assert tree_id.isascii()
    assert tree_id.isalnum()
    assert tree_id == tree_id.lower()
    assert new_tree_id() != tree_id


@given(
    a=st.tuples(st.integers(0, 2**40), st.integers(0, 2**80 - 1)),
    b=st.tuples(st.integers(0, 2**40), st.integers(0, 2**80 - 1)),
)
def test_tree_ids_sort_by_time_then_by_their_random_part(a: tuple[int, int], b: tuple[int, int]) -> None:
    ids = [tree_id_of(milliseconds / 1000 + 0.0001, entropy) for milliseconds, entropy in (a, b)]
    assert (ids[0] < ids[1]) == (a < b)


async def test_the_system_clock_tells_the_time_and_waits() -> None:
    clock = SystemClock()
    before = clock.now()
    loop = asyncio.get_running_loop()
    started = loop.time()
    await clock.sleep(0.01)
    assert loop.time() - started >= 0.009
    assert clock.now() >= before
    assert before > 1_600_000_000
