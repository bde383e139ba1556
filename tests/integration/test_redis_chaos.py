"""Whatever befalls the connections, followers see every event once and in order."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence

import pytest

from rao_runtime.core.events import Event, EventType, NodeDelta
from rao_runtime.ports import Journal
from tests.conformance.journal_makers import event
from tests.conformance.redis_servers import KINDS, Server, new_prefix, redis_journal, server
from tests.integration.redis_proxy import Proxy, proxy

TREES = 5
EVENTS = 400
FOLLOWERS = 4
MISHAPS = 8


def events_of(tree_id: str) -> list[Event]:
    last = event(EVENTS, EventType.TREE_COMPLETED, tree_id)
    return [*(event(seq, tree_id=tree_id) for seq in range(1, EVENTS)), last]


class Mishaps:
    """How many there have been."""

    def __init__(self) -> None:
        self.count = 0
        self._one_more = asyncio.Condition()

    async def happened(self) -> None:
        async with self._one_more:
            self.count += 1
            self._one_more.notify_all()

    async def reached(self, count: int) -> None:
        async with self._one_more:
            await self._one_more.wait_for(lambda: self.count >= count)


async def own(journal: Journal, tree_id: str, dice: random.Random, mishaps: Mishaps) -> None:
    """Write a tree in batches of all sizes, while the mishaps go on."""
    left = events_of(tree_id)
    claim = await journal.claim(tree_id)
    while left:
        await mishaps.reached((EVENTS - len(left)) * MISHAPS // EVENTS)
        size = dice.randint(1, 5)
        await journal.append(tree_id, claim.fence, left[:size])
        left = left[size:]


async def follow(journal: Journal, tree_id: str, dice: random.Random) -> list[Event]:
    """Read a tree to its end, coming and going."""
    seen = list[Event]()
    while not (seen and seen[-1].is_end):
        position = seen[-1].seq if seen else 0
        async with journal.follow(tree_id, position) as batches:
            for _ in range(dice.randint(1, 10)):
                seen += events_in(await anext(batches))
                if seen[-1].is_end:
                    break
    return seen


def events_in(batch: Sequence[Event | NodeDelta]) -> list[Event]:
    return [item for item in batch if isinstance(item, Event)]


async def disturb(running: Server, between: Proxy, dice: random.Random, mishaps: Mishaps, *, crash: bool) -> None:
    """One mishap after the other, a while apart."""
    async with redis_journal(running.url, "probe") as (link, _):
        while mishaps.count < MISHAPS:
            match dice.choice(["lose", "hang up", "unsubscribe", "crash" if crash else "lose"]):
                case "lose":
                    between.lose_reply_to(b"EVALSHA")
                case "hang up":
                    between.hang_up()
                case "unsubscribe":
                    await link.call("CLIENT", "KILL", "TYPE", "pubsub", patient=True)
                case _:
                    running.restart()
            await mishaps.happened()
            for _ in range(dice.randint(1, 100)):
                await link.call("ECHO", "a while", patient=True)


@pytest.fixture(params=KINDS)
async def running(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    with server(request.param, "--appendonly", "yes") as made:
        yield made


@pytest.mark.parametrize("seed", range(6))
async def test_no_event_is_lost_or_doubled_or_out_of_order(running: Server, seed: int) -> None:
    dice, prefix = random.Random(seed), new_prefix()
    trees, mishaps = [f"t{n}" for n in range(TREES)], Mishaps()
    async with (
        proxy(running.socket) as between,
        redis_journal(between.url, prefix) as (_, worker),
        redis_journal(between.url, prefix) as (_, gateway),
        asyncio.timeout(60),
    ):
        for tree_id in trees:
            await gateway.create(tree_id)
        async with asyncio.TaskGroup() as group:
            readers = {
                tree_id: [group.create_task(follow(gateway, tree_id, dice)) for _ in range(FOLLOWERS)]
                for tree_id in trees
            }
            for tree_id in trees:
                group.create_task(own(worker, tree_id, random.Random(seed), mishaps))
            group.create_task(disturb(running, between, dice, mishaps, crash=seed % 2 == 0))
        for tree_id in trees:
            assert list(await gateway.read(tree_id)) == events_of(tree_id)
            assert all(reader.result() == events_of(tree_id) for reader in readers[tree_id])
