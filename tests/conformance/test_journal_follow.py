"""What every journal promises to those who follow a tree."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest

from rao_runtime.core.errors import UnknownTree
from rao_runtime.core.events import Event, NodeDelta
from rao_runtime.ports import Journal
from tests.conformance.journal_makers import MAKERS, delta, event, events

Batches = AsyncIterator[Sequence[Event | NodeDelta]]


@pytest.fixture(params=MAKERS)
async def journal(request: pytest.FixtureRequest) -> AsyncIterator[Journal]:
    async with MAKERS[request.param]() as stores:
        await stores.journal.create("t1")
        await stores.journal.claim("t1")
        yield stores.journal


async def take(batches: Batches, count: int) -> list[Event | NodeDelta]:
    """The next items, in as many batches as it takes."""
    items = list[Event | NodeDelta]()
    async with asyncio.timeout(10):
        while len(items) < count:
            items += await anext(batches)
    return items


async def test_a_follower_gets_what_is_there_and_then_what_comes(journal: Journal) -> None:
    await journal.append("t1", 1, events(1, 3))
    async with journal.follow("t1") as batches:
        assert await take(batches, 3) == events(1, 3)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(take(batches, 1))
            await journal.append("t1", 1, [event(4)])
        assert waiting.result() == [event(4)]


async def test_what_is_there_comes_in_one_batch(journal: Journal) -> None:
    await journal.append("t1", 1, events(1, 50))
    async with journal.follow("t1") as batches, asyncio.timeout(10):
        assert list(await anext(batches)) == events(1, 50)


async def test_a_follower_starts_after_its_cursor(journal: Journal) -> None:
    await journal.append("t1", 1, events(1, 3))
    async with journal.follow("t1", 2) as batches:
        assert await take(batches, 1) == [event(3)]


async def test_a_cursor_ahead_waits_for_what_follows_it(journal: Journal) -> None:
    await journal.append("t1", 1, events(1, 1))
    async with journal.follow("t1", 3) as batches:
        await journal.append("t1", 1, events(2, 4))
        assert await take(batches, 1) == [event(4)]


async def test_many_followers_each_get_everything_in_order(journal: Journal) -> None:
    async def read_all() -> list[Event | NodeDelta]:
        async with journal.follow("t1") as batches:
            return await take(batches, 30)

    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(read_all()) for _ in range(20)]
        for seq in range(1, 31):
            await journal.append("t1", 1, [event(seq)])
    assert all(reader.result() == events(1, 30) for reader in readers)


async def test_a_cancelled_read_loses_nothing(journal: Journal) -> None:
    async with journal.follow("t1") as batches:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await anext(batches)
        await journal.append("t1", 1, [event(1)])
        assert await take(batches, 1) == [event(1)]


async def test_deltas_go_to_those_who_asked_for_them(journal: Journal) -> None:
    async with journal.follow("t1", deltas=True) as both, journal.follow("t1") as only_events:
        journal.publish(delta(0))
        await journal.append("t1", 1, [event(1)])
        assert await take(both, 2) == [delta(0), event(1)]
        assert await take(only_events, 1) == [event(1)]


async def test_deltas_keep_their_place_between_events(journal: Journal) -> None:
    async with journal.follow("t1", deltas=True) as batches:
        await journal.append("t1", 1, [event(1)])
        journal.publish(delta(0))
        journal.publish(delta(1))
        await journal.append("t1", 1, [event(2)])
        journal.publish(delta(2))
        assert await take(batches, 5) == [event(1), delta(0), delta(1), event(2), delta(2)]


async def test_a_delta_nobody_follows_is_lost(journal: Journal) -> None:
    journal.publish(delta(0))
    journal.publish(delta(0, tree_id="nobody"))
    async with journal.follow("t1", deltas=True) as batches:
        await journal.append("t1", 1, [event(1)])
        assert await take(batches, 1) == [event(1)]


async def test_deltas_are_wanted_only_while_somebody_follows_them(journal: Journal) -> None:
    assert not journal.wants_deltas("t1")
    assert not journal.wants_deltas("nobody")
    async with journal.follow("t1"):
        assert not journal.wants_deltas("t1")
    async with journal.follow("t1", deltas=True):
        assert journal.wants_deltas("t1")
    assert not journal.wants_deltas("t1")


async def test_a_slow_follower_loses_the_oldest_deltas_and_no_event(journal: Journal) -> None:
    count = 5_000
    async with journal.follow("t1", deltas=True) as batches:
        for n in range(count):
            journal.publish(delta(n))
            if n % 100 == 0:
                await journal.append("t1", 1, [event(n // 100 + 1)])
        await journal.append("t1", 1, [event(51)])
        items = list[Event | NodeDelta]()
        while event(51) not in items:
            items += await take(batches, 1)
    assert [item for item in items if isinstance(item, Event)] == events(1, 51)
    offsets = [item.offset for item in items if isinstance(item, NodeDelta)]
    assert 0 < len(offsets) < count
    assert offsets == list(range(count - len(offsets), count))


async def test_an_unknown_tree_cannot_be_followed(journal: Journal) -> None:
    with pytest.raises(UnknownTree):
        async with journal.follow("nobody"):
            pass


async def test_deleting_a_tree_ends_its_followers(journal: Journal) -> None:
    async def read_until_gone(batches: Batches) -> None:
        with pytest.raises(UnknownTree):
            await take(batches, 1)

    async with AsyncExitStack() as stack:
        followers = [await stack.enter_async_context(journal.follow("t1")) for _ in range(4)]
        async with asyncio.TaskGroup() as group:
            for follower in followers[:-1]:
                group.create_task(read_until_gone(follower))
            await journal.delete("t1")
        await read_until_gone(followers[-1])
