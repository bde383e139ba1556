"""Slots, the queue before them, and clients that leave."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from aiohttp import ClientError

from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.ledger import Outcome
from rao_runtime.standin.server import StandIn
from rao_runtime.standin.slots import QueueFull, Slots
from tests.integration.standin_client import SAYS, Client, Streamed, standing

FOREVER_S = 3600.0


async def _held(stand_in: StandIn, client: Client) -> asyncio.Task[Streamed]:
    """A request that keeps its slot until it is cancelled."""
    stand_in.fail_next("hang")
    before = stand_in.ledger.running
    task = asyncio.create_task(client.stream(request_id="held"))
    await stand_in.ledger.until(lambda ledger: ledger.running == before + 1)
    return task


async def _queued(stand_in: StandIn, client: Client, name: str, priority: int = 0) -> asyncio.Task[Streamed]:
    before = stand_in.ledger.waiting
    task = asyncio.create_task(client.stream({"priority": priority}, request_id=name))
    await stand_in.ledger.until(lambda ledger: ledger.waiting == before + 1)
    return task


def _order(stand_in: StandIn) -> list[str]:
    admitted = [(entry.admitted_s, entry.request_id) for entry in stand_in.ledger.entries if entry.admitted_s]
    return [name for _, name in sorted(admitted)]


async def test_no_more_run_at_once_than_there_are_slots_and_all_are_served() -> None:
    async with standing(StandInConfig(slots=3, first_token_s=0.005)) as (stand_in, client):
        streams = await asyncio.gather(*[client.stream(request_id=f"r{number}") for number in range(20)])
        assert stand_in.ledger.peak_running == 3
        assert stand_in.ledger.peak_waiting >= 17
        assert (stand_in.ledger.running, stand_in.ledger.waiting) == (0, 0)
    assert {stream.text for stream in streams} == {SAYS}


async def test_lower_priority_goes_first_and_equals_in_order_of_arrival() -> None:
    async with standing(StandInConfig(slots=1)) as (stand_in, client):
        held = await _held(stand_in, client)
        queued = [
            await _queued(stand_in, client, name, priority)
            for name, priority in (("late", 5), ("first", -3), ("second", 0), ("third", 0))
        ]
        held.cancel()
        await asyncio.gather(*queued)
        assert _order(stand_in) == ["held", "first", "second", "third", "late"]


async def test_a_waiting_request_never_displaces_a_running_one() -> None:
    async with standing(StandInConfig(slots=1)) as (stand_in, client):
        held = await _held(stand_in, client)
        urgent = await _queued(stand_in, client, "urgent", -10)
        assert stand_in.ledger.entries[0].outcome is None
        held.cancel()
        await urgent


async def test_what_the_queue_cannot_hold_gets_a_503() -> None:
    async with standing(StandInConfig(slots=1, queue_limit=1)) as (stand_in, client):
        held = await _held(stand_in, client)
        queued = await _queued(stand_in, client, "queued")
        status, told = await client.ask({"stream": True}, request_id="refused")
        held.cancel()
        streamed = await queued
        assert stand_in.ledger.entries[2].outcome is Outcome.REJECTED
    assert status == told["error"]["code"] == 503
    assert told["error"]["type"] == "ServiceUnavailableError"
    assert streamed.text == SAYS


async def test_a_client_that_leaves_the_queue_is_never_served() -> None:
    async with standing(StandInConfig(slots=1)) as (stand_in, client):
        held = await _held(stand_in, client)
        leaving = await _queued(stand_in, client, "leaving")
        staying = await _queued(stand_in, client, "staying")
        leaving.cancel()
        await stand_in.ledger.until(lambda ledger: ledger.waiting == 1)
        held.cancel()
        await staying
        entry = stand_in.ledger.entries[1]
        assert _order(stand_in) == ["held", "staying"]
    assert (entry.outcome, entry.admitted_s, entry.completion_tokens) == (Outcome.ABORT, None, 0)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_before_the_first_token_frees_its_slot(stream: bool) -> None:
    async with standing(StandInConfig(slots=1, first_token_s=FOREVER_S)) as (stand_in, client):
        leaving = asyncio.create_task(client.ask({"stream": stream}))
        await stand_in.ledger.until(lambda ledger: ledger.running == 1)
        leaving.cancel()
        await stand_in.ledger.until(lambda ledger: ledger.running == 0)
        entry = stand_in.ledger.entries[0]
    assert (entry.outcome, entry.completion_tokens) == (Outcome.ABORT, 0)


async def test_a_client_that_leaves_between_chunks_is_charged_for_what_was_produced() -> None:
    async with standing(StandInConfig(chunk_tokens=1, per_token_s=FOREVER_S)) as (stand_in, client):
        leaving = asyncio.create_task(client.stream())
        await stand_in.ledger.until(lambda ledger: ledger.totals()["completion_tokens"] == 1)
        leaving.cancel()
        await stand_in.ledger.until(lambda ledger: ledger.running == 0)
        assert stand_in.ledger.totals()["completion_tokens"] == 1
        assert stand_in.ledger.outcomes()["abort"] == 1


async def test_more_slots_at_run_time_let_the_queue_in() -> None:
    async with standing(StandInConfig(slots=1)) as (stand_in, client):
        held = await _held(stand_in, client)
        queued = await _queued(stand_in, client, "queued")
        status, _ = await client.post("/control", {"slots": 2})
        streamed = await queued
        held.cancel()
        await stand_in.ledger.until(lambda ledger: ledger.running == 0)
    assert status == 200
    assert streamed.text == SAYS


async def test_the_end_of_the_stand_in_ends_what_still_runs() -> None:
    async with AsyncExitStack() as stack:
        stand_in, client = await stack.enter_async_context(standing(StandInConfig(first_token_s=FOREVER_S)))
        running = asyncio.create_task(client.stream())
        await stand_in.ledger.until(lambda ledger: ledger.running == 1)
    with pytest.raises(ClientError):
        await running
    assert stand_in.ledger.entries[0].outcome is Outcome.ABORT


async def test_a_slot_handed_to_a_request_that_is_cancelled_in_the_same_moment_is_not_lost() -> None:
    slots = Slots(1, None)
    async with slots.hold(0):
        taker = asyncio.create_task(_take(slots))
        other = asyncio.create_task(_take(slots))
        while slots.waiting != 2:
            await asyncio.wait([taker], timeout=0)
    # The block's end has handed the slot to `taker`, which has not run yet.
    taker.cancel()
    await other
    with pytest.raises(asyncio.CancelledError):
        await taker


async def test_the_queue_limit_counts_waiting_requests_only() -> None:
    slots = Slots(1, 1)
    slots.check_room()
    async with slots.hold(0):
        slots.check_room()
        leaving = asyncio.create_task(_take(slots))
        while slots.waiting == 0:
            await asyncio.wait([leaving], timeout=0)
        with pytest.raises(QueueFull):
            slots.check_room()
        leaving.cancel()
        await asyncio.wait([leaving])
        slots.check_room()


async def _take(slots: Slots) -> None:
    async with slots.hold(0):
        pass
