"""Gateway and worker in processes of their own, as far as the journal can tell: each has its link."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

import pytest

from rao_runtime.adapters.redis_journal import RedisJournal
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.core.errors import StaleFence, UnknownTree
from rao_runtime.core.events import Event, EventType, NodeDelta
from rao_runtime.ports import Command
from tests.conformance.journal_makers import delta, event, events
from tests.conformance.redis_servers import KINDS, Server, new_prefix, redis_journal, server, shared

Batches = AsyncIterator[Sequence[Event | NodeDelta]]


@dataclass(frozen=True, slots=True)
class Two:
    """A worker that has claimed t1 and listens, and a gateway."""

    worker: RedisJournal
    gateway: RedisJournal
    link: RedisLink

    async def keys(self) -> set[str]:
        """What Redis holds for this installation."""
        found = await self.link.call("KEYS", f"{self.link.keys.prefix}:*")
        return {key.decode() for key in found}


@pytest.fixture(params=KINDS)
async def two(request: pytest.FixtureRequest) -> AsyncIterator[Two]:
    url, prefix = shared(request.param).url, new_prefix()
    async with redis_journal(url, prefix) as (_, worker), redis_journal(url, prefix) as (link, gateway):
        await gateway.create("t1")
        await worker.claim("t1")
        worker.commands("t1")
        yield Two(worker, gateway, link)


@pytest.fixture(params=KINDS)
def own(request: pytest.FixtureRequest) -> Iterator[Server]:
    with server(request.param, "--appendonly", "yes") as running:
        yield running


async def take(batches: Batches, count: int) -> list[Event | NodeDelta]:
    items = list[Event | NodeDelta]()
    async with asyncio.timeout(20):
        while len(items) < count:
            items += await anext(batches)
    return items


async def wanted(worker: RedisJournal, batches: Batches, *, start: int = 1) -> int:
    """Write events until the worker has heard that deltas are followed; returns the next seq."""
    seq = start
    while not worker.wants_deltas("t1"):
        await worker.append("t1", 1, [event(seq)])
        assert event(seq) in await take(batches, 1)
        seq += 1
    return seq


async def test_a_gateway_follows_what_a_worker_writes(two: Two) -> None:
    await two.worker.append("t1", 1, events(1, 3))
    async with two.gateway.follow("t1", 1) as batches:
        assert await take(batches, 2) == events(2, 3)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(take(batches, 500))
            for seq in range(4, 504):
                await two.worker.append("t1", 1, [event(seq)])
        assert waiting.result() == events(4, 503)


async def test_a_long_history_comes_whole_and_in_order(two: Two) -> None:
    for first in range(1, 5_000, 500):
        await two.worker.append("t1", 1, events(first, first + 499))
    assert list(await two.gateway.read("t1")) == events(1, 5_000)
    assert list(await two.gateway.read("t1", 4_321)) == events(4_322, 5_000)
    async with two.gateway.follow("t1") as batches:
        assert await take(batches, 5_000) == events(1, 5_000)


async def test_large_events_are_read_in_small_pieces(two: Two) -> None:
    # Random, so that they cannot be compressed to nothing.
    texts = [random.Random(seq).randbytes(50_000).hex() for seq in range(1, 201)]
    large = [
        Event(seq=seq, type=EventType.NODE_OUTPUT, tree_id="t1", ts=0.0, data={"text": text})
        for seq, text in enumerate(texts, 1)
    ]
    await two.worker.append("t1", 1, large)
    async with two.gateway.follow("t1") as batches:
        sizes = list[int]()
        while sum(sizes) < len(large):
            sizes.append(len(await anext(batches)))
    assert min(sizes) < 50
    assert list(await two.gateway.read("t1")) == large


async def test_many_followers_at_different_places_each_get_everything(two: Two) -> None:
    await two.worker.append("t1", 1, events(1, 20))

    async def follow(after: int) -> list[Event | NodeDelta]:
        async with two.gateway.follow("t1", after) as batches:
            return await take(batches, 60 - after)

    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(follow(after)) for after in range(25)]
        for first in range(21, 61, 4):
            await two.worker.append("t1", 1, events(first, first + 3))
    assert [reader.result() for reader in readers] == [events(after + 1, 60) for after in range(25)]


async def test_a_worker_hears_that_deltas_are_followed_and_they_keep_their_place(two: Two) -> None:
    async with two.gateway.follow("t1", deltas=True) as batches:
        seq = await wanted(two.worker, batches)
        for offset in range(3):
            two.worker.publish(delta(offset))
        await two.worker.append("t1", 1, [event(seq)])
        two.worker.publish(delta(3))
        assert await take(batches, 5) == [delta(0), delta(1), delta(2), event(seq), delta(3)]


async def test_a_late_follower_gets_only_later_deltas(two: Two) -> None:
    async with two.gateway.follow("t1", deltas=True) as batches:
        seq = await wanted(two.worker, batches)
        two.worker.publish(delta(0))
        assert await take(batches, 1) == [delta(0)]
    async with two.gateway.follow("t1", seq - 1, deltas=True) as batches:
        two.worker.publish(delta(1))
        assert await take(batches, 1) == [delta(1)]


async def test_an_heir_knows_that_deltas_are_followed(two: Two) -> None:
    async with two.gateway.follow("t1", deltas=True):
        await two.gateway.claim("t1")
        await two.worker.claim("t1")
        assert two.worker.wants_deltas("t1")


async def test_nobody_writes_deltas_that_only_its_own_process_follows(two: Two) -> None:
    async with two.worker.follow("t1", deltas=True) as batches:
        two.worker.publish(delta(0))
        assert await take(batches, 1) == [delta(0)]
        assert await two.keys() == {two.link.keys.tree("t1").meta}


async def test_a_gateway_that_lost_its_subscription_misses_nothing(own: Server) -> None:
    prefix = new_prefix()
    async with redis_journal(own.url, prefix) as (link, worker), redis_journal(own.url, prefix) as (_, gateway):
        await worker.create("t1")
        await worker.claim("t1")
        async with gateway.follow("t1") as batches:
            for first in range(1, 200, 10):
                await worker.append("t1", 1, events(first, first + 9))
                await link.call("CLIENT", "KILL", "TYPE", "pubsub")
            assert await take(batches, 200) == events(1, 200)


async def test_a_takeover_ends_the_former_owners_commands(two: Two) -> None:
    commands = two.worker.commands("t1")
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(anext(commands, None))
        await two.gateway.send("t1", Command("cancel", "n1"))
        await asyncio.wait([waiting])
        assert waiting.result() == Command("cancel", "n1")
        ending = group.create_task(anext(commands, None))
        await two.gateway.claim("t1")
    assert ending.result() is None
    with pytest.raises(StaleFence):
        await two.worker.append("t1", 1, [event(1)])


async def test_a_takeover_is_noticed_when_nobody_was_told(own: Server) -> None:
    prefix = new_prefix()
    async with redis_journal(own.url, prefix) as (link, worker), redis_journal(own.url, prefix) as (_, other):
        await worker.create("t1")
        await worker.claim("t1")
        commands = worker.commands("t1")
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            ending = group.create_task(anext(commands, None))
            await asyncio.gather(link.call("CLIENT", "KILL", "TYPE", "pubsub"), other.claim("t1"))
        assert ending.result() is None


async def test_a_deletion_elsewhere_ends_followers_and_commands(two: Two) -> None:
    commands = two.worker.commands("t1")

    async def follow(batches: Batches) -> None:
        with pytest.raises(UnknownTree):
            await anext(batches)

    async with two.worker.follow("t1") as batches, asyncio.timeout(5), asyncio.TaskGroup() as group:
        ending = group.create_task(anext(commands, None))
        group.create_task(follow(batches))
        await two.gateway.delete("t1")
    assert ending.result() is None


async def test_of_a_deleted_tree_no_key_is_left(two: Two) -> None:
    async with two.gateway.follow("t1", deltas=True) as batches:
        await two.gateway.send("t1", Command("cancel"))
        await two.worker.append("t1", 1, [event(1)])
        await take(batches, 1)
        seq = await wanted(two.worker, batches, start=2)
        two.worker.publish(delta(0))
        await take(batches, 1)
        tree = two.link.keys.tree("t1")
        assert await two.keys() == {tree.meta, tree.events, tree.commands, tree.deltas, tree.watch}
        for key in (tree.commands, tree.deltas, tree.watch):
            assert 0 < await two.link.call("TTL", key) <= 8 * 24 * 3600
        await two.worker.append("t1", 1, [event(seq, EventType.TREE_COMPLETED)])
        assert await two.keys() == {tree.meta, tree.events}
        for key in (tree.meta, tree.events):
            assert 7 * 24 * 3600 < await two.link.call("TTL", key) <= 8 * 24 * 3600
        await two.gateway.send("t1", Command("cancel"))
        two.worker.publish(delta(1))
        await two.worker.read("t1")
    async with two.gateway.follow("t1", deltas=True) as batches:
        assert await take(batches, seq) == [*events(1, seq - 1), event(seq, EventType.TREE_COMPLETED)]
        assert await two.keys() == {tree.meta, tree.events}
    await two.gateway.delete("t1")
    assert await two.keys() == set()


@pytest.mark.parametrize("tree_id", ["}", "{", "{}", "", "é", "a b", "x" * 10_000, "\ud800", "*"])
async def test_an_id_that_is_none_is_simply_unknown(two: Two, tree_id: str) -> None:
    with pytest.raises(UnknownTree):
        await two.gateway.read(tree_id)
    with pytest.raises(UnknownTree):
        await two.gateway.last(tree_id)
    with pytest.raises(UnknownTree):
        await two.gateway.send(tree_id, Command("cancel"))
    with pytest.raises(UnknownTree):
        async with two.gateway.follow(tree_id):
            pass
