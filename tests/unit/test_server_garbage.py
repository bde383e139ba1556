"""When full collections run."""

import asyncio
import gc

from server.garbage import NEVER, Schedule, keep_out_of_the_way


def test_nothing_is_due_while_little_has_changed() -> None:
    assert not Schedule().due(1e9, 19, idle=True)


def test_an_idle_server_collects() -> None:
    assert Schedule().due(1.0, 20, idle=True)


def test_a_busy_server_collects_only_after_a_long_time() -> None:
    schedule = Schedule()
    assert not schedule.due(1_799.0, 1_000_000, idle=False)
    assert schedule.due(1_800.0, 1_000_000, idle=False)


def test_a_collection_starts_the_count_anew() -> None:
    schedule = Schedule()
    schedule.done(10.0, 100)
    assert not schedule.due(20.0, 119, idle=True)
    assert schedule.due(20.0, 120, idle=True)


async def test_the_interpreters_own_settings_come_back() -> None:
    before = gc.get_threshold()
    task = asyncio.create_task(keep_out_of_the_way(lambda: True))
    while gc.get_threshold()[2] != NEVER:
        await asyncio.wait([task], timeout=0.001)
    task.cancel()
    await asyncio.wait([task])
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
