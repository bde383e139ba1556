"""The index in Redis: a death between any two steps is mended, and whoever comes in between is minded."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from rao_runtime.adapters.redis_index import RedisIndex
from rao_runtime.adapters.redis_index_scripts import STATUSES
from rao_runtime.core.errors import KeyReused
from rao_runtime.ports import Retention, TreeEntry
from tests.conformance.journal_makers import HandClock, entry
from tests.conformance.redis_servers import KINDS
from tests.integration.step_link import Died, StepLink, step_links

# More steps than any change takes.
STEPS = range(12)
KEEP_NONE = Retention(trees=0, nodes=1_000, age_s=1_000.0)
KEEP_ALL = Retention(trees=1_000, nodes=1_000, age_s=1_000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two processes on one index: one that bad things happen to, and another."""

    link: StepLink
    index: RedisIndex
    other: RedisIndex
    clock: HandClock

    async def dies(self, step: int, doing: Callable[[], Awaitable[object]]) -> None:
        """The first process ends after so many steps; it is as if a new one took its place."""
        self.link.die_at(step)
        try:
            await doing()
        except Died:
            pass
        finally:
            self.link.before = None

    async def interrupted(self, step: int, doing: Awaitable[object], by: Callable[[], Awaitable[object]]) -> None:
        """Somebody else does something after so many steps, or at the end."""
        self.link.interrupt_at(step, by)
        await doing
        self.link.before = None
        if self.link.steps <= step:
            await by()

    async def members(self, name: str) -> list[str]:
        return [member.decode() for member in await self.link.call("ZRANGE", name, 0, -1)]

    async def stands_once(self, expected: TreeEntry) -> None:
        """The tree is in every list it belongs to, and in no other, before anybody looks and tidies up."""
        keys, name, has_ended = self.link.keys, [expected.tree_id], expected.status in {"completed", "failed"}
        assert await self.members(keys.tenant("default", "all")) == name
        for status in STATUSES:
            at = await self.members(keys.tenant("default", f"s:{status}"))
            assert at == (name if status == expected.status else [])
        assert await self.members(keys.index("active")) == ([] if has_ended else name)
        assert await self.members(keys.index("ended")) == (name if has_ended else [])
        assert await self.other.get(expected.tree_id) == expected


@pytest.fixture(params=KINDS)
async def pair(request: pytest.FixtureRequest) -> AsyncGenerator[Pair]:
    async with step_links(request.param) as (one, other):
        clock = HandClock()
        yield Pair(link=one, index=RedisIndex(one, clock), other=RedisIndex(other, clock), clock=clock)


async def listed(index: RedisIndex, status: str | None = None) -> list[str]:
    return [found.tree_id for found in (await index.page("default", limit=50, status=status))[0]]


@pytest.mark.parametrize("step", STEPS)
async def test_the_same_key_completes_what_a_dead_process_began(pair: Pair, step: int) -> None:
    await pair.dies(step, lambda: pair.index.add(entry("t1", 1.0), key="k", fingerprint="f"))
    earlier = await pair.other.add(entry("t2", 2.0), key="k", fingerprint="f")
    assert earlier == (None if step == 0 else "t1")
    tree_id = earlier or "t2"
    found = await pair.other.get(tree_id)
    assert found is not None
    await pair.stands_once(entry(tree_id, found.created_at))
    assert await pair.index.add(entry("t3", 3.0), key="k", fingerprint="f") == tree_id


@pytest.mark.parametrize("key", ["k", None])
@pytest.mark.parametrize("step", STEPS)
async def test_a_sweep_finds_what_a_dead_process_began_and_removes_all_of_it(
    pair: Pair, step: int, key: str | None
) -> None:
    await pair.dies(step, lambda: pair.index.add(entry("t1", 1.0), key=key, fingerprint="f"))
    for found in await pair.other.active():
        await pair.other.remove(found.tree_id)
    assert await pair.link.keys_left() == set()


@pytest.mark.parametrize("step", STEPS)
async def test_a_status_set_again_heals_one_that_was_set_half(pair: Pair, step: int) -> None:
    await pair.index.add(entry("t1", 1.0), key=None, fingerprint="")
    for status in ("working", "completed"):
        await pair.dies(step, lambda status=status: pair.index.set_status("t1", status, nodes=5))
        for asked in STATUSES:
            assert {found.status for found in (await pair.other.page("default", limit=5, status=asked))[0]} <= {asked}
        await pair.other.set_status("t1", status, nodes=5)
        await pair.stands_once(entry("t1", 1.0, status=status))
    assert await pair.other.to_drop(Retention(trees=9, nodes=4, age_s=1_000.0)) == []
    await pair.other.remove("t1")
    assert await pair.link.keys_left() == set()


@pytest.mark.parametrize("step", STEPS)
async def test_a_sweep_completes_an_end_that_was_noted_half(pair: Pair, step: int) -> None:
    await pair.index.add(entry("t1", 1.0, status="working"), key=None, fingerprint="")
    await pair.dies(step, lambda: pair.index.set_status("t1", "completed", nodes=5))
    pair.clock.time += 10
    expected = entry("t1", 1.0, status="completed" if step else "working")
    assert await pair.other.active() == ([] if step else [expected])
    assert await pair.other.to_drop(KEEP_NONE) == (["t1"] if step else [])
    await pair.stands_once(expected)


@pytest.mark.parametrize("step", STEPS)
async def test_a_removal_done_again_leaves_nothing(pair: Pair, step: int) -> None:
    await pair.index.add(entry("t1", 1.0), key="k", fingerprint="f")
    await pair.index.set_status("t1", "completed", nodes=5)
    await pair.dies(step, lambda: pair.index.remove("t1"))
    for tree_id in await pair.other.to_drop(KEEP_NONE):
        await pair.other.remove(tree_id)
    assert await pair.link.keys_left() == set()
    assert await pair.other.get("t1") is None
    assert await pair.other.add(entry("t1", 9.0), key="k", fingerprint="g") is None
    await pair.stands_once(entry("t1", 9.0))


@pytest.mark.parametrize("step", STEPS)
async def test_a_tree_removed_while_its_status_is_set_stays_removed(pair: Pair, step: int) -> None:
    await pair.index.add(entry("t1", 1.0), key="k", fingerprint="f")
    await pair.interrupted(step, pair.index.set_status("t1", "completed", nodes=5), lambda: pair.other.remove("t1"))
    assert await pair.link.keys_left() == set()


@pytest.mark.parametrize("step", STEPS)
async def test_a_status_set_while_its_tree_is_removed_brings_nothing_back(pair: Pair, step: int) -> None:
    await pair.index.add(entry("t1", 1.0), key="k", fingerprint="f")
    await pair.interrupted(step, pair.index.remove("t1"), lambda: pair.other.set_status("t1", "completed", nodes=5))
    assert await pair.link.keys_left() == set()


@pytest.mark.parametrize("step", STEPS)
async def test_who_does_not_know_of_the_end_does_not_undo_it(pair: Pair, step: int) -> None:
    await pair.index.add(entry("t1", 1.0), key=None, fingerprint="")
    works = pair.index.set_status("t1", "working")
    await pair.interrupted(step, works, lambda: pair.other.set_status("t1", "completed", nodes=5))
    await pair.stands_once(entry("t1", 1.0, status="completed"))


@pytest.mark.parametrize("step", STEPS)
async def test_a_tree_that_ends_while_its_key_is_used_again_stays_ended(pair: Pair, step: int) -> None:
    await pair.dies(3, lambda: pair.index.add(entry("t1", 1.0), key="k", fingerprint="f"))

    async def completes() -> None:
        await pair.other.add(entry("t3", 1.0), key="k", fingerprint="f")
        await pair.other.set_status("t1", "completed", nodes=5)

    add = pair.index.add(entry("t2", 2.0), key="k", fingerprint="f")
    await pair.interrupted(step, add, completes)
    await pair.stands_once(entry("t1", 1.0, status="completed"))


async def test_of_many_who_use_a_key_at_once_one_makes_the_tree_and_all_get_it(pair: Pair) -> None:
    indexes = [pair.index, pair.other] * 10
    results = await asyncio.gather(
        *[index.add(entry(f"t{n:02}", float(n)), key="k", fingerprint="f") for n, index in enumerate(indexes)]
    )
    made = await listed(pair.index)
    assert len(made) == 1
    assert sorted(results, key=str) == [None, *made * 19] or sorted(results, key=str) == [*made * 19, None]
    with pytest.raises(KeyReused):
        await pair.other.add(entry("t99", 99.0), key="k", fingerprint="g")


async def test_what_is_sent_twice_is_done_once(pair: Pair) -> None:
    pair.link.twice = True
    for n in range(3):
        assert await pair.index.add(entry(f"t{n}", float(n)), key=f"k{n}", fingerprint="f") is None
        await pair.index.set_status(f"t{n}", "completed", nodes=40)
        pair.clock.time += 1
    assert await listed(pair.index, "completed") == ["t2", "t1", "t0"]
    assert await pair.index.to_drop(Retention(trees=3, nodes=120, age_s=1_000.0)) == []
    assert await pair.index.to_drop(Retention(trees=3, nodes=119, age_s=1_000.0)) == ["t0"]
    for n in range(3):
        await pair.index.remove(f"t{n}")
    assert await pair.link.keys_left() == set()


async def test_the_key_of_a_tree_that_nobody_asks_for_again_is_dropped_by_redis(pair: Pair) -> None:
    await pair.index.add(entry("t1", 1.0), key="k", fingerprint="f")
    left = await pair.link.call("TTL", pair.link.keys.idempotency("default", "k"))
    assert 24 * 3_600 < left <= 25 * 3_600


async def test_entries_that_redis_has_dropped_leave_the_lists_when_they_are_met(pair: Pair) -> None:
    for n in range(4):
        await pair.index.add(entry(f"t{n}", float(n)), key=None, fingerprint="")
    await pair.index.set_status("t2", "failed", nodes=1)
    for tree_id in ("t1", "t2"):
        await pair.link.call("DEL", pair.link.keys.tree(tree_id).entry)
    first, cursor = await pair.index.page("default", limit=1)
    rest, end = await pair.index.page("default", limit=1, after=cursor)
    assert [found.tree_id for found in (*first, *rest)] == ["t3", "t0"]
    assert end is None
    assert [found.tree_id for found in await pair.index.active()] == ["t0", "t3"]
    for tree_id in (*await pair.index.to_drop(KEEP_NONE), "t0", "t3"):
        await pair.index.remove(tree_id)
    assert await pair.link.keys_left() == set()


async def test_a_tree_that_is_just_being_entered_is_not_taken_for_a_remnant(pair: Pair) -> None:
    born = pair.clock.now()
    await pair.interrupted(1, pair.index.add(entry("t1", born), key=None, fingerprint=""), pair.other.active)
    await pair.stands_once(entry("t1", born))


@pytest.mark.parametrize("limit", [1, 4, 30])
async def test_pages_run_through_trees_of_one_moment_and_on(pair: Pair, limit: int) -> None:
    expected = [f"t{n:02}" for n in reversed(range(30))]
    born = {name: 1e9 + 1e-6 if n < 19 else 1e9 - n for n, name in enumerate(expected)}
    await asyncio.gather(*[pair.index.add(entry(name, born[name]), key=None, fingerprint="") for name in expected])
    seen, cursor = list[str](), None
    for _ in range(31):
        page, cursor = await pair.index.page("default", limit=limit, after=cursor)
        seen += [found.tree_id for found in page]
        if cursor is None:
            break
    assert seen == expected


async def test_times_are_kept_to_the_last_bit(pair: Pair) -> None:
    born = 1_795_272_549.123456789
    await pair.index.add(entry("t1", born), key=None, fingerprint="")
    await pair.stands_once(entry("t1", born))


async def test_names_may_hold_anything(pair: Pair) -> None:
    strange = TreeEntry(tree_id="a{b}:c d", tenant="té{x}:\u2028", status="submitted", created_at=1.0)
    await pair.index.add(strange, key="k{}: \u00e9", fingerprint="f")
    await pair.index.set_status(strange.tree_id, "canceled")
    page, _ = await pair.index.page(strange.tenant, limit=2, status="canceled")
    assert [found.tree_id for found in page] == [strange.tree_id]
    await pair.index.remove(strange.tree_id)
    assert await pair.link.keys_left() == set()


async def test_a_status_there_is_not_lists_nothing_and_is_not_taken(pair: Pair) -> None:
    await pair.index.add(entry("t1", 1.0), key=None, fingerprint="")
    assert await pair.index.page("default", limit=5, status="lost") == ([], None)
    with pytest.raises(ValueError, match="lost"):
        await pair.index.set_status("t1", "lost")
    await pair.stands_once(entry("t1", 1.0))


async def test_what_is_to_go_is_found_beyond_the_first_hundred(pair: Pair) -> None:
    names = [f"t{n:03}" for n in range(250)]
    await asyncio.gather(*[pair.index.add(entry(name, 1.0), key=None, fingerprint="") for name in names])
    for name in names:
        pair.clock.time += 0.01
        await pair.index.set_status(name, "completed", nodes=4)
    assert await pair.index.to_drop(KEEP_ALL) == []
    assert await pair.index.to_drop(Retention(trees=30, nodes=1_000, age_s=1_000.0)) == names[:220]
    assert await pair.index.to_drop(Retention(trees=300, nodes=120, age_s=1_000.0)) == names[:220]
    assert await pair.index.to_drop(KEEP_NONE, limit=210) == names[:210]
