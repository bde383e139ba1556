"""What every index of trees promises: keys, pages, and what goes when a tree goes."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.adapters.memory_index import MemoryIndex
from rao_runtime.core.errors import Fault, InvalidRequest, KeyReused
from rao_runtime.ports import Retention, TreeIndex
from tests.conformance.journal_makers import MAKERS, HandClock, Stores, entry

DAY_S = 24 * 3600.0


@pytest.fixture(params=MAKERS)
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[Stores]:
    async with MAKERS[request.param]() as stores:
        yield stores


def keep(trees: int, nodes: int = 1_000) -> Retention:
    return Retention(trees=trees, nodes=nodes, age_s=100.0)


async def fill(index: TreeIndex, count: int) -> list[str]:
    """Enters trees of which pairs share their moment; returns their ids, newest first."""
    for n in range(count):
        await index.add(entry(f"t{n:03}", float(n // 2)), key=None, fingerprint="")
    return [f"t{n:03}" for n in reversed(range(count))]


async def test_an_entered_tree_is_found(stores: Stores) -> None:
    assert await stores.index.add(entry("t1", 1.5), key=None, fingerprint="f") is None
    assert await stores.index.get("t1") == entry("t1", 1.5)
    assert await stores.index.get("t2") is None


async def test_a_status_is_noted_and_one_of_a_tree_that_is_gone_is_not(stores: Stores) -> None:
    await stores.index.add(entry("t1", 1.5), key=None, fingerprint="f")
    await stores.index.set_status("t1", "working")
    await stores.index.set_status("t2", "working")
    assert await stores.index.get("t1") == entry("t1", 1.5, status="working")
    assert await stores.index.get("t2") is None


async def test_the_same_key_and_body_give_the_same_tree(stores: Stores) -> None:
    assert await stores.index.add(entry("t1", 1.0), key="k", fingerprint="f") is None
    assert await stores.index.add(entry("t2", 2.0), key="k", fingerprint="f") == "t1"
    assert await stores.index.get("t2") is None
    assert [found.tree_id for found in (await stores.index.page("default", limit=9))[0]] == ["t1"]


async def test_the_same_key_with_another_body_is_refused(stores: Stores) -> None:
    await stores.index.add(entry("t1", 1.0), key="k", fingerprint="f")
    with pytest.raises(KeyReused):
        await stores.index.add(entry("t2", 2.0), key="k", fingerprint="g")
    assert await stores.index.get("t2") is None


async def test_a_key_belongs_to_its_tenant(stores: Stores) -> None:
    await stores.index.add(entry("t1", 1.0), key="k", fingerprint="f")
    assert await stores.index.add(entry("t2", 2.0, tenant="other"), key="k", fingerprint="g") is None


async def test_a_key_is_kept_for_a_day(stores: Stores) -> None:
    await stores.index.add(entry("t1", 1.0), key="k", fingerprint="f")
    stores.clock.time += DAY_S - 1
    assert await stores.index.add(entry("t2", 2.0), key="k", fingerprint="f") == "t1"
    stores.clock.time += 2
    assert await stores.index.add(entry("t3", 3.0), key="k", fingerprint="g") is None
    assert await stores.index.add(entry("t4", 4.0), key="k", fingerprint="g") == "t3"


async def test_removing_a_tree_frees_its_key(stores: Stores) -> None:
    await stores.index.add(entry("t1", 1.0), key="k", fingerprint="f")
    await stores.index.remove("t1")
    await stores.index.remove("t1")
    assert await stores.index.get("t1") is None
    assert await stores.index.add(entry("t2", 2.0), key="k", fingerprint="g") is None


async def test_removing_a_tree_leaves_the_key_of_a_later_one(stores: Stores) -> None:
    await stores.index.add(entry("t1", 1.0), key="k", fingerprint="f")
    stores.clock.time += DAY_S + 1
    await stores.index.add(entry("t2", 2.0), key="k", fingerprint="f")
    await stores.index.remove("t1")
    assert await stores.index.add(entry("t3", 3.0), key="k", fingerprint="f") == "t2"


async def test_finished_trees_beyond_the_count_are_dropped_oldest_end_first(stores: Stores) -> None:
    index = stores.index
    for n in range(6):
        await index.add(entry(f"t{n}", float(n)), key=None, fingerprint="")
    for tree_id in ("t3", "t1", "t4"):
        stores.clock.time += 1
        await index.set_status(tree_id, "completed")
    assert await index.to_drop(keep(3)) == []
    assert await index.to_drop(keep(1)) == ["t3", "t1"]
    await index.remove("t3")
    assert await index.to_drop(keep(1)) == ["t1"]


async def test_finished_trees_are_dropped_when_their_time_is_up_and_running_ones_never(stores: Stores) -> None:
    index = stores.index
    for tree_id in ("done", "running"):
        await index.add(entry(tree_id, 1.0), key=None, fingerprint="")
    await index.set_status("done", "failed")
    await index.set_status("running", "working")
    stores.clock.time += 99
    assert await index.to_drop(keep(10)) == []
    stores.clock.time += 1
    assert await index.to_drop(keep(10)) == ["done"]


async def test_trees_are_dropped_for_their_nodes_but_the_newest_stays(stores: Stores) -> None:
    index = stores.index
    for n in range(4):
        await index.add(entry(f"t{n}", float(n)), key=None, fingerprint="")
        stores.clock.time += 1
        await index.set_status(f"t{n}", "completed", nodes=40)
    assert await index.to_drop(keep(10, nodes=160)) == []
    assert await index.to_drop(keep(10, nodes=100)) == ["t0", "t1"]
    assert await index.to_drop(keep(10, nodes=1)) == ["t0", "t1", "t2"]
    assert await index.to_drop(keep(10, nodes=1), limit=2) == ["t0", "t1"]


async def test_trees_that_have_not_ended_are_listed_oldest_first(stores: Stores) -> None:
    index = stores.index
    for tree_id, at in (("t3", 3.0), ("t1", 1.0), ("t2", 2.0), ("t4", 4.0)):
        await index.add(entry(tree_id, at), key=None, fingerprint="")
    await index.set_status("t1", "working")
    await index.set_status("t2", "failed")
    assert [found.tree_id for found in await index.active()] == ["t1", "t3", "t4"]
    assert [found.tree_id for found in await index.active(limit=2)] == ["t1", "t3"]
    await index.remove("t3")
    assert [found.status for found in await index.active()] == ["working", "submitted"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 10])
async def test_pages_run_from_the_newest_to_the_oldest_without_gap_or_double(stores: Stores, limit: int) -> None:
    expected = await fill(stores.index, 10)
    seen = list[str]()
    cursor: str | None = None
    for _ in range(20):
        page, cursor = await stores.index.page("default", limit=limit, after=cursor)
        assert 0 < len(page) <= limit
        seen += [found.tree_id for found in page]
        if cursor is None:
            break
    assert seen == expected


async def test_pages_hold_one_tenant_and_one_status(stores: Stores) -> None:
    ids = await fill(stores.index, 6)
    await stores.index.add(entry("other", 9.0, tenant="other"), key=None, fingerprint="")
    for tree_id in ids[::2]:
        await stores.index.set_status(tree_id, "completed")
    first, cursor = await stores.index.page("default", limit=2, status="completed")
    assert [found.tree_id for found in first] == ids[0:4:2]
    rest, end = await stores.index.page("default", limit=2, status="completed", after=cursor)
    assert [found.tree_id for found in rest] == ids[4::2]
    assert end is None
    assert await stores.index.page("nobody", limit=5) == ([], None)


async def test_a_cursor_outlives_the_tree_it_points_at(stores: Stores) -> None:
    ids = await fill(stores.index, 6)
    page, cursor = await stores.index.page("default", limit=3)
    await stores.index.remove(page[-1].tree_id)
    await stores.index.add(entry("newer", 99.0), key=None, fingerprint="")
    rest, _ = await stores.index.page("default", limit=9, after=cursor)
    assert [found.tree_id for found in rest] == ids[3:]


@pytest.mark.parametrize("cursor", ["", "x", "t001", "é", "bm90IGEgY3Vyc29y", "bmFuIHQ", "aW5mIHQ", "MS4wIA", "\ud800"])
async def test_a_cursor_that_is_none_is_refused(stores: Stores, cursor: str) -> None:
    await fill(stores.index, 3)
    with pytest.raises(InvalidRequest) as refused:
        await stores.index.page("default", limit=2, after=cursor)
    assert refused.value.faults[0].loc == ("query", "after")
    assert isinstance(refused.value.faults[0], Fault)


@given(cursor=st.text(max_size=40))
async def test_no_cursor_breaks_the_list(cursor: str) -> None:
    index = MemoryIndex(HandClock())
    await fill(index, 3)
    try:
        page, _ = await index.page("default", limit=5, after=cursor)
    except InvalidRequest:
        return
    assert len(page) <= 3
