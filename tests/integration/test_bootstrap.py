"""Settings choose the parts they name."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from anyio.lowlevel import checkpoint

from rao_runtime.adapters.clock import SystemClock
from rao_runtime.bootstrap import open_pool
from rao_runtime.config import Settings
from rao_runtime.config.settings import OrderName, PlacementName
from rao_runtime.core.placement import PromptKey, Segment
from rao_runtime.core.ready_queue import Ticket
from rao_runtime.engine.lease import Lease
from rao_runtime.engine.pool import Pool
from rao_runtime.ports import ServedModel, Traits

URLS = ("http://127.0.0.1:1", "http://127.0.0.1:2")
LONG = PromptKey((Segment(1, 20_000),), asked=1)


@asynccontextmanager
async def opened(local: Sequence[str] = (), **changes: object) -> AsyncGenerator[Pool]:
    """The pool of these settings, with all its replicas up."""
    known: dict[str, Any] = dict(changes)
    pool = open_pool(replace(Settings(), **known), local, SystemClock())
    try:
        for each in pool.roster.replicas:
            pool.roster.up(each, [ServedModel("m", None)], Traits(), anew=True)
        yield pool
    finally:
        await pool.roster.aclose()


def ask(pool: Pool, *, priority: int = 0) -> asyncio.Task[Lease]:
    now = SystemClock().now()
    ticket = Ticket(ticket_id=pool.next_ticket_id(), enqueued=now, tree_started=now, priority=priority)
    return asyncio.create_task(pool.acquire(ticket, "m", LONG))


async def test_replicas_of_the_servers_own_are_managed_and_those_it_was_named_are_not() -> None:
    async with opened(["http://127.0.0.1:3"], replicas=URLS, local_replicas=1, model="m") as pool:
        assert [(each.name, each.managed) for each in pool.roster.replicas] == [
            *((url, False) for url in URLS),
            ("http://127.0.0.1:3", True),
        ]
    async with opened(embedded_engines=2) as pool:
        assert [(each.name, each.managed) for each in pool.roster.replicas] == [
            ("rao-nano/1", True),
            ("rao-nano/2", True),
        ]


@pytest.mark.parametrize(("set_to", "slots"), [(256, 8), (1, 1)])
async def test_an_embedded_engine_gets_no_more_calls_than_it_decodes_at_once(set_to: int, slots: int) -> None:
    async with opened(embedded_engines=1, replica_slots=set_to) as pool:
        assert [each.load.slots for each in pool.roster.replicas] == [slots]


@pytest.mark.parametrize(
    ("placement", "chosen"),
    [
        (PlacementName.AFFINITY, [0, 0, 0]),
        (PlacementName.LEAST, [0, 1, 1]),
        (PlacementName.ROUND_ROBIN, [0, 1, 0]),
    ],
)
async def test_the_placement_is_the_one_that_is_set(placement: PlacementName, chosen: list[int]) -> None:
    async with opened(replicas=URLS, placement=placement) as pool:
        first, second = await ask(pool), await ask(pool)
        pool.release(second)
        third = await ask(pool)
        assert [lease.replica.index for lease in (first, second, third)] == chosen


@pytest.mark.parametrize(("order", "urgent_first"), [(OrderName.TREE, True), (OrderName.ARRIVAL, False)])
async def test_the_order_is_the_one_that_is_set(order: OrderName, urgent_first: bool) -> None:
    async with opened(replicas=URLS[:1], replica_slots=1, order=order) as pool:
        held = await ask(pool)
        early, urgent = ask(pool), ask(pool, priority=5)
        while pool.queued < 2:
            await checkpoint()
        pool.release(held)
        done, [waiting] = await asyncio.wait([early, urgent], return_when=asyncio.FIRST_COMPLETED)
        assert done == {urgent if urgent_first else early}
        waiting.cancel()
