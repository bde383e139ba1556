"""The journal when replies, events or whole trees are lost: nothing is written twice, nothing stays lost."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator

import pytest

from rao_runtime.adapters.redis_tail import MAX_BYTES
from rao_runtime.core.errors import JournalError, StaleFence, UnknownTree
from rao_runtime.core.events import Event, EventType, NodeDelta
from rao_runtime.ports import Claim, Command
from tests.conformance.journal_makers import event, events
from tests.conformance.redis_servers import KINDS, Server, new_prefix, redis_journal, server, shared
from tests.integration.redis_proxy import proxy
from tests.integration.redis_watch import told


@pytest.fixture(params=KINDS)
def common(request: pytest.FixtureRequest) -> Server:
    return shared(request.param)


@pytest.fixture(params=KINDS)
def own(request: pytest.FixtureRequest) -> Iterator[Server]:
    with server(request.param, "--appendonly", "yes") as running:
        yield running


def end(seq: int) -> Event:
    return event(seq, EventType.TREE_COMPLETED)


async def take(batches: AsyncIterator[object], count: int) -> list[Event | NodeDelta]:
    items = list[Event | NodeDelta]()
    async with asyncio.timeout(20):
        while len(items) < count:
            batch = await anext(batches)
            assert isinstance(batch, list | tuple)
            items += batch
    return items


async def test_an_append_whose_reply_was_lost_is_written_once(common: Server) -> None:
    prefix = new_prefix()
    async with proxy(common.socket) as between, redis_journal(between.url, prefix) as (link, journal):
        await journal.create("t1")
        await journal.claim("t1")
        await journal.append("t1", 1, events(1, 2))
        between.lose_reply_to(link.keys.tree("t1").live.encode())
        await journal.append("t1", 1, events(3, 5))
        assert between.lost.is_set()
        await journal.append("t1", 1, [end(6)])
        assert list(await journal.read("t1")) == [*events(1, 5), end(6)]


async def test_a_tree_whose_making_lost_its_reply_is_made_once(common: Server) -> None:
    async with proxy(common.socket) as between, redis_journal(between.url, new_prefix()) as (link, journal):
        between.lose_reply_to(link.keys.tree("t1").events.encode())
        assert await journal.create("t1", events(1, 1))
        assert between.lost.is_set()
        assert not await journal.create("t1", events(1, 1))


async def test_a_claim_whose_reply_was_lost_is_made_once(common: Server) -> None:
    prefix = new_prefix()
    async with proxy(common.socket) as between, redis_journal(between.url, prefix) as (link, journal):
        await journal.create("t1")
        await journal.claim("t1")
        between.lose_reply_to(link.keys.tree("t1").owner.encode())
        assert await journal.claim("t1") == Claim(2, 0)
        assert between.lost.is_set()
        await journal.append("t1", 2, [event(1)])


async def test_a_command_whose_reply_was_lost_is_left_once(common: Server) -> None:
    async with proxy(common.socket) as between, redis_journal(between.url, new_prefix()) as (_, journal):
        await journal.create("t1")
        await journal.claim("t1")
        between.lose_reply_to(b"n7")
        await journal.send("t1", Command("cancel", "n7"))
        await journal.send("t1", Command("cancel", "n8"))
        assert between.lost.is_set()
        commands = journal.commands("t1")
        async with asyncio.timeout(10):
            assert [await anext(commands), await anext(commands)] == [Command("cancel", "n7"), Command("cancel", "n8")]


async def test_a_deletion_whose_reply_was_lost_is_no_error(common: Server) -> None:
    async with proxy(common.socket) as between, redis_journal(between.url, new_prefix()) as (link, journal):
        await journal.create("t1", events(1, 1))
        between.lose_reply_to(link.keys.tree("t1").watch.encode())
        await journal.delete("t1")
        assert between.lost.is_set()
        with pytest.raises(UnknownTree):
            await journal.read("t1")


async def test_an_owner_goes_on_after_a_crash_and_its_follower_misses_nothing(own: Server) -> None:
    async with redis_journal(own.url, new_prefix()) as (_, journal):
        await journal.create("t1")
        await journal.claim("t1")
        async with journal.follow("t1") as batches:
            await journal.append("t1", 1, events(1, 3))
            own.restart()
            await journal.append("t1", 1, events(4, 6))
            assert await take(batches, 6) == events(1, 6)
        assert list(await journal.read("t1")) == events(1, 6)


async def test_an_append_under_way_in_a_crash_is_written_once(own: Server) -> None:
    async with redis_journal(own.url, new_prefix()) as (_, journal):
        await journal.create("t1")
        await journal.claim("t1")
        own.kill()
        append = asyncio.create_task(journal.append("t1", 1, events(1, 3)))
        done, _ = await asyncio.wait([append], timeout=0.2)
        assert not done
        own.start()
        await append
        assert list(await journal.read("t1")) == events(1, 3)


async def test_events_that_redis_lost_are_written_again_with_the_next(own: Server) -> None:
    async with redis_journal(own.url, new_prefix()) as (_, journal):
        await journal.create("t1")
        await journal.claim("t1")
        await journal.append("t1", 1, events(1, 3))
        own.save_copy()
        for seq in range(4, 7):
            await journal.append("t1", 1, [event(seq)])
        own.restart(from_copy=True)
        await journal.append("t1", 1, events(7, 8))
        assert list(await journal.read("t1")) == events(1, 8)


async def test_events_that_redis_lost_are_written_again_when_nothing_more_is_written(own: Server) -> None:
    prefix = new_prefix()
    async with redis_journal(own.url, prefix) as (_, journal), redis_journal(own.url, prefix) as (_, reader):
        await journal.create("t1")
        await journal.claim("t1")
        await journal.append("t1", 1, events(1, 3))
        own.save_copy()
        await journal.append("t1", 1, [*events(4, 5), end(6)])
        own.restart(from_copy=True)
        async with reader.follow("t1") as batches:
            assert await take(batches, 6) == [*events(1, 5), end(6)]


async def test_a_fence_that_redis_lost_is_given_back(own: Server) -> None:
    prefix = new_prefix()
    async with redis_journal(own.url, prefix) as (_, first), redis_journal(own.url, prefix) as (_, second):
        await first.create("t1")
        await first.claim("t1")
        await first.append("t1", 1, [event(1)])
        own.save_copy()
        assert await second.claim("t1") == Claim(2, 1)
        await second.append("t1", 2, [event(2)])
        own.restart(from_copy=True)
        await second.append("t1", 2, [event(3)])
        with pytest.raises(StaleFence):
            await first.append("t1", 1, [event(2)])
        assert list(await second.read("t1")) == events(1, 3)


async def test_of_two_owners_with_the_same_fence_the_one_that_redis_knows_stays(own: Server) -> None:
    prefix = new_prefix()
    async with redis_journal(own.url, prefix) as (_, first), redis_journal(own.url, prefix) as (_, second):
        await first.create("t1")
        own.save_copy()
        await first.claim("t1")
        own.restart(from_copy=True)
        assert await second.claim("t1") == Claim(1, 0)
        with pytest.raises(StaleFence):
            await first.append("t1", 1, [event(1)])
        await second.append("t1", 1, [event(1)])


@pytest.mark.parametrize("made_with", [0, 2])
async def test_a_tree_that_redis_lost_altogether_is_made_again(own: Server, made_with: int) -> None:
    async with redis_journal(own.url, new_prefix()) as (_, journal):
        await journal.create("t0")
        own.save_copy()
        await journal.create("t1", events(1, made_with))
        claim = await journal.claim("t1")
        await journal.append("t1", claim.fence, events(made_with + 1, 4))
        own.restart(from_copy=True)
        await journal.append("t1", claim.fence, [event(5)])
        assert list(await journal.read("t1")) == events(1, 5)
        assert await journal.claim("t1") == Claim(2, 5)


async def test_a_tree_of_which_too_much_was_lost_is_not_written_on(own: Server) -> None:
    async with redis_journal(own.url, new_prefix()) as (_, journal):
        await journal.create("t1")
        await journal.claim("t1")
        own.save_copy()
        for seq in range(1, 4):
            # Random, so that it cannot be compressed to nothing.
            large = {"text": random.Random(seq).randbytes(MAX_BYTES // 2).hex()}
            await journal.append(
                "t1", 1, [Event(seq=seq, type=EventType.NODE_OUTPUT, tree_id="t1", ts=0.0, data=large)]
            )
        own.restart(from_copy=True)
        with pytest.raises(JournalError, match="lost events"):
            await journal.append("t1", 1, [event(4)])


async def test_a_deleted_tree_does_not_come_back_with_a_crash(own: Server) -> None:
    prefix = new_prefix()
    async with redis_journal(own.url, prefix) as (_, owner), redis_journal(own.url, prefix) as (link, other):
        await owner.create("t1")
        await owner.claim("t1")
        await owner.append("t1", 1, [event(1), end(2)])
        await other.delete("t1")
        with told() as log:
            own.restart()
            await log.wait_for("not in force")
        assert await link.call("KEYS", "*", patient=True) == []


async def test_a_tree_made_anew_under_the_same_id_is_not_the_old_one(own: Server) -> None:
    prefix = new_prefix()
    async with redis_journal(own.url, prefix) as (_, owner), redis_journal(own.url, prefix) as (_, other):
        await owner.create("t1")
        await owner.claim("t1")
        await owner.append("t1", 1, events(1, 2))
        await other.delete("t1")
        await other.create("t1", [end(1)])
        with pytest.raises(StaleFence):
            await owner.append("t1", 1, [event(3)])
        assert list(await other.read("t1")) == [end(1)]


async def test_an_append_waits_while_redis_is_full_and_a_reader_need_not(own: Server) -> None:
    async with redis_journal(own.url, new_prefix(), patience_s=0.3) as (link, journal):
        await journal.create("t1")
        await journal.claim("t1")
        await journal.append("t1", 1, [event(1)])
        await link.call("CONFIG", "SET", "maxmemory", "1")
        append = asyncio.create_task(journal.append("t1", 1, [event(2)]))
        done, _ = await asyncio.wait([append], timeout=0.4)
        assert not done
        assert list(await journal.read("t1")) == [event(1)]
        assert not journal.health().ready
        await link.call("CONFIG", "SET", "maxmemory", "0")
        await append
        assert list(await journal.read("t1")) == events(1, 2)
