"""What every journal promises about commands: in order, to the owner in force, none lost with an owner."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from rao_runtime.core.errors import UnknownTree
from rao_runtime.ports import Command, Journal
from tests.conformance.journal_makers import MAKERS

FIRST, SECOND, THIRD = Command("cancel", "n1"), Command("cancel", "n2"), Command("cancel")


@pytest.fixture(params=MAKERS)
async def journal(request: pytest.FixtureRequest) -> AsyncIterator[Journal]:
    async with MAKERS[request.param]() as stores:
        await stores.journal.create("t1")
        await stores.journal.claim("t1")
        yield stores.journal


async def next_of(commands: AsyncIterator[Command]) -> Command:
    async with asyncio.timeout(10):
        return await anext(commands)


async def test_commands_sent_before_the_owner_listened_are_not_lost(journal: Journal) -> None:
    await journal.send("t1", FIRST)
    await journal.send("t1", SECOND)
    commands = journal.commands("t1")
    assert [await next_of(commands), await next_of(commands)] == [FIRST, SECOND]


async def test_a_listening_owner_gets_commands_as_they_come(journal: Journal) -> None:
    commands = journal.commands("t1")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(next_of(commands))
        await journal.send("t1", THIRD)
    assert waiting.result() == THIRD


async def test_a_new_owner_takes_over_what_was_not_read(journal: Journal) -> None:
    for command in (FIRST, SECOND, THIRD):
        await journal.send("t1", command)
    former = journal.commands("t1")
    assert [await next_of(former), await next_of(former)] == [FIRST, SECOND]
    await journal.create("t1")
    await journal.claim("t1")
    commands = journal.commands("t1")
    # The former owner never came back from applying the second, so nobody knows that it did.
    assert [await next_of(commands), await next_of(commands)] == [SECOND, THIRD]


async def test_the_former_owner_hears_no_more_commands(journal: Journal) -> None:
    former = journal.commands("t1")
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(collect(former))
        await journal.create("t1")
        await journal.claim("t1")
        await journal.send("t1", FIRST)
    assert reading.result() == []
    assert await next_of(journal.commands("t1")) == FIRST


async def collect(commands: AsyncIterator[Command]) -> list[Command]:
    async with asyncio.timeout(10):
        return [command async for command in commands]


async def test_a_cancelled_wait_for_commands_loses_none(journal: Journal) -> None:
    commands = journal.commands("t1")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await anext(commands)
    await journal.send("t1", FIRST)
    assert await next_of(commands) == FIRST


async def test_an_unknown_tree_takes_no_commands(journal: Journal) -> None:
    with pytest.raises(UnknownTree):
        await journal.send("nobody", FIRST)


async def test_deleting_a_tree_ends_its_commands(journal: Journal) -> None:
    commands = journal.commands("t1")
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(collect(commands))
        await journal.delete("t1")
    assert reading.result() == []
