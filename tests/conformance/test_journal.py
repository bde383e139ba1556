"""What every journal promises: ownership, order, and nothing written by halves."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from rao_runtime.core.errors import SequenceConflict, StaleFence, UnknownTree
from rao_runtime.ports import Claim, Journal
from tests.conformance.journal_makers import MAKERS, event, events


@pytest.fixture(params=MAKERS)
async def journal(request: pytest.FixtureRequest) -> AsyncIterator[Journal]:
    async with MAKERS[request.param]() as stores:
        yield stores.journal


async def test_the_first_claim_has_fence_one_and_no_events(journal: Journal) -> None:
    await journal.create("t1")
    assert await journal.claim("t1") == Claim(1, 0)


async def test_a_tree_is_made_once_with_its_first_events(journal: Journal) -> None:
    assert await journal.create("t1", events(1, 2))
    assert not await journal.create("t1", events(1, 3))
    assert list(await journal.read("t1")) == events(1, 2)
    assert await journal.claim("t1") == Claim(1, 2)


async def test_a_tree_that_was_not_made_or_is_gone_cannot_be_claimed(journal: Journal) -> None:
    with pytest.raises(UnknownTree):
        await journal.claim("t1")
    await journal.create("t1", events(1, 2))
    await journal.delete("t1")
    with pytest.raises(UnknownTree):
        await journal.claim("t1")


async def test_first_events_that_do_not_start_at_one_make_no_tree(journal: Journal) -> None:
    with pytest.raises(SequenceConflict):
        await journal.create("t1", events(2, 3))
    with pytest.raises(UnknownTree):
        await journal.read("t1")


async def test_a_journal_that_works_says_so(journal: Journal) -> None:
    await journal.create("t1")
    health = journal.health()
    assert health.ready
    assert health.detail is None


async def test_each_claim_raises_the_fence_and_tells_the_last_seq(journal: Journal) -> None:
    await journal.create("t1")
    await journal.claim("t1")
    await journal.append("t1", 1, events(1, 3))
    assert await journal.claim("t1") == Claim(2, 3)


async def test_a_claimed_tree_reads_as_empty(journal: Journal) -> None:
    await journal.create("t1")
    await journal.claim("t1")
    assert list(await journal.read("t1")) == []


async def test_events_come_back_as_they_were_written(journal: Journal) -> None:
    await journal.create("t1")
    await journal.claim("t1")
    await journal.append("t1", 1, events(1, 2))
    await journal.append("t1", 1, [event(3)])
    assert list(await journal.read("t1")) == events(1, 3)


async def test_reading_starts_after_the_seq_that_is_given(journal: Journal) -> None:
    await journal.create("t1")
    await journal.claim("t1")
    await journal.append("t1", 1, events(1, 4))
    assert list(await journal.read("t1", 2)) == events(3, 4)
    assert list(await journal.read("t1", 99)) == []


async def test_trees_do_not_see_each_other(journal: Journal) -> None:
    for tree_id in ("t1", "t2"):
        await journal.create(tree_id)
        await journal.claim(tree_id)
        await journal.append(tree_id, 1, events(1, 1, tree_id))
    assert list(await journal.read("t2")) == events(1, 1, "t2")


async def test_a_stale_owner_writes_nothing(journal: Journal) -> None:
    await journal.create("t1")
    await journal.claim("t1")
    await journal.claim("t1")
    with pytest.raises(StaleFence):
        await journal.append("t1", 1, [event(1)])
    assert list(await journal.read("t1")) == []


async def test_a_fence_that_was_never_given_writes_nothing(journal: Journal) -> None:
    await journal.create("t1")
    await journal.claim("t1")
    with pytest.raises(StaleFence):
        await journal.append("t1", 2, [event(1)])
    with pytest.raises(StaleFence):
        await journal.append("t2", 1, [event(1, tree_id="t2")])


@pytest.mark.parametrize("seqs", [(2,), (1, 3), (1, 1), (0,)], ids=str)
async def test_a_batch_that_does_not_follow_on_writes_nothing(journal: Journal, seqs: tuple[int, ...]) -> None:
    await journal.create("t1")
    await journal.claim("t1")
    with pytest.raises(SequenceConflict):
        await journal.append("t1", 1, [event(seq) for seq in seqs])
    assert list(await journal.read("t1")) == []


async def test_the_same_event_is_not_written_twice(journal: Journal) -> None:
    await journal.create("t1")
    await journal.claim("t1")
    await journal.append("t1", 1, [event(1)])
    with pytest.raises(SequenceConflict):
        await journal.append("t1", 1, [event(1)])
    assert list(await journal.read("t1")) == [event(1)]


async def test_of_two_owners_writing_at_once_only_the_latest_gets_through(journal: Journal) -> None:
    await journal.create("t1")
    first = await journal.claim("t1")
    second = await journal.claim("t1")
    outcomes = await asyncio.gather(
        journal.append("t1", first.fence, [event(1)]),
        journal.append("t1", second.fence, [event(1)]),
        return_exceptions=True,
    )
    assert isinstance(outcomes[0], StaleFence)
    assert outcomes[1] is None


async def test_an_unknown_tree_cannot_be_read_or_deleted(journal: Journal) -> None:
    with pytest.raises(UnknownTree):
        await journal.read("nobody")
    with pytest.raises(UnknownTree):
        await journal.delete("nobody")


async def test_a_deleted_tree_is_unknown_and_its_owner_writes_nothing(journal: Journal) -> None:
    await journal.create("t1")
    await journal.claim("t1")
    await journal.append("t1", 1, [event(1)])
    await journal.delete("t1")
    with pytest.raises(UnknownTree):
        await journal.read("t1")
    with pytest.raises(StaleFence):
        await journal.append("t1", 1, [event(2)])
