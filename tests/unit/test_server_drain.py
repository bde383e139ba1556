"""The way out: who waits, and who stops waiting."""

import asyncio

import pytest

from server.drain import Drain


async def test_a_value_that_comes_in_time_is_handed_on() -> None:
    async def answer() -> int:
        return 42

    assert await Drain().unless_started(answer()) == 42


async def test_a_wait_ends_when_the_drain_starts() -> None:
    drain, waiting = Drain(), asyncio.Event()

    async def forever() -> bool:
        waiting.set()
        return await asyncio.Event().wait()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        task = group.create_task(drain.unless_started(forever()))
        await waiting.wait()
        drain.start()
    assert task.result() is None


async def test_a_wait_that_begins_after_the_start_ends_at_once() -> None:
    drain = Drain()
    drain.start()
    async with asyncio.timeout(5):
        assert await drain.unless_started(asyncio.Event().wait()) is None


async def test_a_timeout_of_the_awaited_itself_is_not_mistaken_for_the_drain() -> None:
    async def slow() -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        await Drain().unless_started(slow())


async def test_cancelling_who_waits_cancels_what_is_awaited() -> None:
    drain, waiting, cancelled = Drain(), asyncio.Event(), asyncio.Event()

    async def forever() -> None:
        waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        task = group.create_task(drain.unless_started(forever()))
        await waiting.wait()
        task.cancel()
    assert cancelled.is_set()
    drain.start()
