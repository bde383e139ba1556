"""What every ledger promises: a tree is booked once and whole, sums and records agree, pages stay where they are."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from rao_runtime.adapters.clock import tree_id_of
from rao_runtime.adapters.ledger_pages import PASSED
from rao_runtime.core.errors import InvalidRequest
from rao_runtime.core.ledger import CallOutcome, LedgerEntry, Purpose, Row, TreeBook, UsageSource
from rao_runtime.core.usage import Tokens
from rao_runtime.core.usage_report import Dimension, Line, Report, Rollup, Sums, UsageQuery, sums_of
from rao_runtime.ports import Ledger, RecordQuery
from tests.conformance.journal_makers import MAKERS, Stores
from tests.unit.ledger_books import book, cost, row

ALL = RecordQuery()
DAY_S = 86_400.0
FIRST, LAST = date(2026, 11, 20), date(2027, 3, 1)


@pytest.fixture(params=MAKERS)
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[Stores]:
    async with MAKERS[request.param]() as stores:
        stores.clock.time = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
        yield stores


async def booked(stores: Stores, number: int, *, tenant: str = "default", nodes: int = 3) -> TreeBook:
    """A tree that ran and was booked."""
    tree_id = tree_id_of(stores.clock.now(), number)
    found = book(tree_id, [0] * (nodes - 1), at=stores.clock.now(), tenant=tenant)
    await stores.journal.create(tree_id)
    await stores.ledger.book(found)
    return found


async def every(ledger: Ledger, query: RecordQuery = ALL, *, limit: int = 7) -> list[LedgerEntry]:
    """All records of a query, page by page."""
    found, after, more = list[LedgerEntry](), None, True
    while more:
        page = await ledger.records(query, limit=limit, after=after)
        assert len(page.records) <= limit
        found += [record.entry for record in page.records]
        after, more = page.cursor, page.has_more
    return found


async def summed(ledger: Ledger, since: date = FIRST, until: date = LAST, *, by_day: bool = True) -> list[Rollup]:
    """All sums of these days."""
    return [rollup async for piece in ledger.rollups(since, until, by_day=by_day) for rollup in piece]


def rows_of(rollups: Sequence[Rollup]) -> dict[Row, Sums]:
    found = dict[Row, Sums]()
    for _, each, sums in rollups:
        found[each] = Sums(*(a + b for a, b in zip(found.get(each, Sums()), sums, strict=True)))
    return found


def by_call(entries: Sequence[LedgerEntry]) -> dict[tuple[str, int], LedgerEntry]:
    return {(entry.call_id, entry.attempt): entry for entry in entries}


async def test_what_is_booked_is_read_back_as_records_and_as_sums(stores: Stores) -> None:
    assert await every(stores.ledger) == []
    found = await booked(stores, 1)
    records = await every(stores.ledger)
    assert len(records) == len(found.entries)
    assert by_call(records) == by_call(found.entries)
    assert rows_of(await summed(stores.ledger)) == sums_of(found.entries, [found.row])


async def test_records_of_a_block_come_by_time_and_tell_when_they_were_booked(stores: Stores) -> None:
    found = await booked(stores, 1)
    page = await stores.ledger.records(ALL, limit=100)
    assert [record.entry.at for record in page.records] == sorted(entry.at for entry in found.entries)
    assert {record.booked_at for record in page.records} == {stores.clock.now()}


async def test_a_tree_is_booked_once_however_often_it_is_booked(stores: Stores) -> None:
    found = await booked(stores, 1)
    await stores.ledger.book(found)
    await asyncio.gather(*[stores.ledger.book(found) for _ in range(3)])
    assert len(await every(stores.ledger)) == len(found.entries)
    assert rows_of(await summed(stores.ledger))[found.row].trees == 1


async def test_a_tree_without_any_attempt_is_counted(stores: Stores) -> None:
    found = await booked(stores, 1, nodes=1)
    empty = replace(found, tree_id=tree_id_of(stores.clock.now(), 2), entries=())
    await stores.journal.create(empty.tree_id)
    await stores.ledger.book(empty)
    assert rows_of(await summed(stores.ledger))[found.row].trees == 2
    assert len(await every(stores.ledger)) == len(found.entries)


async def test_a_tree_is_told_as_booked_once_it_is(stores: Stores) -> None:
    found = book(tree_id_of(stores.clock.now(), 1))
    await stores.journal.create(found.tree_id)
    assert not await stores.ledger.is_booked(found.tree_id)
    await stores.ledger.book(found)
    assert await stores.ledger.is_booked(found.tree_id)


async def test_what_a_tree_cost_outlives_it_and_is_not_booked_again(stores: Stores) -> None:
    found = await booked(stores, 1)
    await stores.journal.delete(found.tree_id)
    await stores.ledger.book(found)
    assert await stores.ledger.is_booked(found.tree_id)
    assert len(await every(stores.ledger)) == len(found.entries)


def upkeep(stores: Stores, number: int) -> LedgerEntry:
    """A call of the pool's own."""
    return LedgerEntry(
        at=stores.clock.now(),
        row=Row("system", "default", "rao-4b", None, Purpose.PRIME.value, "completed", UsageSource.REPORTED.value),
        tree_id=None,
        node_id=None,
        call_id=f"upkeep-r0-{number}",
        attempt=1,
        tokens=Tokens(input=1_200, output=1),
        amount=None,
    )


async def test_upkeep_is_booked_without_a_tree(stores: Stores) -> None:
    entries = [upkeep(stores, number) for number in range(3)]
    await stores.ledger.book_upkeep(entries)
    assert await every(stores.ledger) == entries
    sums = Sums(attempts=3, input=3_600, output=3, unpriced=3)
    assert rows_of(await summed(stores.ledger)) == {entries[0].row: sums}


async def test_amounts_too_great_for_a_double_are_added_up_exactly(stores: Stores) -> None:
    amounts = [2**53 + 1 + number for number in range(5)]
    for number, amount in enumerate(amounts):
        found = book(tree_id_of(stores.clock.now(), number), attempts=1)
        await stores.journal.create(found.tree_id)
        await stores.ledger.book(replace(found, entries=[replace(found.entries[0], amount=amount)]))
    sums = rows_of(await summed(stores.ledger))
    assert sum(each.amount for each in sums.values()) == sum(amounts)


@pytest.mark.parametrize("limit", [1, 2, 5, 11, 200])
async def test_pages_of_any_size_give_every_record_once_and_in_order(stores: Stores, limit: int) -> None:
    for number in range(5):
        await booked(stores, number, nodes=1 + number)
        stores.clock.time += number % 2
    whole = (await stores.ledger.records(ALL, limit=1_000)).records
    assert len(whole) == 2 * (1 + 2 + 3 + 4 + 5)
    assert await every(stores.ledger, limit=limit) == [record.entry for record in whole]


async def test_a_cursor_stays_good_when_more_is_booked(stores: Stores) -> None:
    first = [await booked(stores, number) for number in range(2)]
    page = await stores.ledger.records(ALL, limit=4)
    await booked(stores, 9)
    rest = await stores.ledger.records(ALL, limit=100, after=page.cursor)
    calls = [record.entry.call_id for record in (*page.records, *rest.records)]
    assert len(calls) == len(set(calls)) == sum(len(each.entries) for each in first) + 6


async def test_the_last_cursor_goes_on_with_what_is_booked_later(stores: Stores) -> None:
    await booked(stores, 1)
    page = await stores.ledger.records(ALL, limit=100)
    assert not page.has_more
    assert (await stores.ledger.records(ALL, limit=100, after=page.cursor)).records == []
    later = await booked(stores, 2)
    again = await stores.ledger.records(ALL, limit=100, after=page.cursor)
    assert by_call([record.entry for record in again.records]) == by_call(later.entries)


async def test_records_are_found_by_tenant_tree_and_time_of_booking(stores: Stores) -> None:
    mine, noon = await booked(stores, 1), stores.clock.now()
    stores.clock.time += 60
    theirs = await booked(stores, 2, tenant="other")
    stores.clock.time += 60
    late = await booked(stores, 3)
    assert by_call(await every(stores.ledger, RecordQuery(tenant="other"))) == by_call(theirs.entries)
    assert by_call(await every(stores.ledger, RecordQuery(tree_id=late.tree_id))) == by_call(late.entries)
    assert await every(stores.ledger, RecordQuery(tree_id="01kaz6n8q3v5x7y9abcdefghjk")) == []
    assert by_call(await every(stores.ledger, RecordQuery(since=noon, until=noon + 60))) == by_call(mine.entries)
    assert by_call(await every(stores.ledger, RecordQuery(since=noon + 1))) == by_call([*theirs.entries, *late.entries])


async def test_a_page_that_would_pass_too_much_stops_and_says_that_there_may_be_more(stores: Stores) -> None:
    await asyncio.gather(*[stores.ledger.book_upkeep([upkeep(stores, number)]) for number in range(PASSED + 1)])
    theirs = await booked(stores, 99, tenant="other")
    page = await stores.ledger.records(RecordQuery(tenant="other"), limit=10)
    assert (page.records, page.has_more) == ([], True)
    assert by_call(await every(stores.ledger, RecordQuery(tenant="other"))) == by_call(theirs.entries)


async def test_old_records_go_and_their_sums_stay(stores: Stores) -> None:
    old = await booked(stores, 1)
    page = await stores.ledger.records(ALL, limit=2)
    stores.clock.time += 10 * DAY_S
    new = await booked(stores, 2)
    await stores.ledger.trim(stores.clock.now() - DAY_S)
    assert by_call(await every(stores.ledger)) == by_call(new.entries)
    assert rows_of(await summed(stores.ledger))[old.row].trees == 2
    rest = await stores.ledger.records(ALL, limit=100, after=page.cursor)
    assert by_call([record.entry for record in rest.records]) == by_call(new.entries)


async def test_a_tree_counts_for_the_day_of_its_booking_and_months_are_the_sum_of_days(stores: Stores) -> None:
    for number in range(12):
        await booked(stores, number, nodes=2)
        stores.clock.time += 8.3 * DAY_S
    days = await summed(stores.ledger)
    assert len({day for day, _, _ in days}) == 12
    months = await summed(stores.ledger, date(2026, 11, 1), date(2027, 3, 1), by_day=False)
    assert rows_of(months) == rows_of(days)
    part = await summed(stores.ledger, date(2026, 11, 22), date(2026, 12, 1), by_day=False)
    assert rows_of(part) == rows_of([each for each in days if each[0] < date(2026, 12, 1)])


async def test_sums_of_days_are_those_of_the_records_booked_on_them(stores: Stores) -> None:
    for number in range(9):
        await booked(stores, number, nodes=2, tenant=f"t{number % 2}")
        stores.clock.time += 5 * 3_600
    days = await summed(stores.ledger)
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    for ahead in range(3):
        since = midnight + timedelta(days=ahead)
        query = RecordQuery(since=since.timestamp(), until=since.timestamp() + DAY_S)
        of_day = [(day, each, replace_trees(sums)) for day, each, sums in days if day == since.date() and each.outcome]
        assert rows_of(of_day) == sums_of(await every(stores.ledger, query))


def replace_trees(sums: Sums) -> Sums:
    return Sums(0, *sums[1:])


async def test_a_clock_that_goes_back_does_not_change_the_order_of_records(stores: Stores) -> None:
    first = await booked(stores, 1)
    page = await stores.ledger.records(ALL, limit=100)
    stores.clock.time -= 3 * DAY_S
    second = await booked(stores, 2)
    rest = await stores.ledger.records(ALL, limit=100, after=page.cursor)
    assert by_call([record.entry for record in rest.records]) == by_call(second.entries)
    assert {day for day, _, _ in await summed(stores.ledger)} == {date(2026, 11, 22)}
    assert rows_of(await summed(stores.ledger))[first.row].trees == 2


async def test_a_report_groups_filters_and_adds_up(stores: Stores) -> None:
    mine, theirs = await booked(stores, 1), await booked(stores, 2, tenant="other")
    query = UsageQuery(since=FIRST, until=LAST, group_by=[Dimension.TENANT, Dimension.OUTCOME])
    report = Report(query)
    report.add(await summed(stores.ledger, by_day=query.by_day))
    assert [key for key, _ in report.sorted()] == [
        ("default", "completed"),
        ("default", "failed"),
        ("other", "completed"),
        ("other", "failed"),
    ]
    spent = sum(cost(entry.tokens) for entry in (*mine.entries, *theirs.entries))
    assert report.total().cost == spent
    by_tenant = Report(replace(query, group_by=[Dimension.TENANT], tenant="other"))
    by_tenant.add(await summed(stores.ledger))
    [(key, line)] = by_tenant.sorted()
    failed = [entry for entry in theirs.entries if entry.wasted]
    assert key == ("other",)
    assert line == Line(
        trees=1,
        attempts=len(theirs.entries),
        input_tokens=sum(entry.tokens.input for entry in theirs.entries),
        cached_tokens=sum(entry.tokens.cached for entry in theirs.entries),
        output_tokens=sum(entry.tokens.output for entry in theirs.entries),
        wasted_tokens=sum(entry.tokens.total for entry in failed),
        cost=sum(cost(entry.tokens) for entry in theirs.entries),
        wasted_cost=sum(cost(entry.tokens) for entry in failed),
        estimated_attempts=len(failed),
        unpriced_attempts=0,
    )


@pytest.mark.parametrize("cursor", ["", "x", "é", "MS0y", "MS0yLTM=", "LTEtMi0z", "\ud800", "MDAtMC0w"])
async def test_a_cursor_that_is_none_is_refused(stores: Stores, cursor: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await stores.ledger.records(ALL, limit=2, after=cursor)
    assert refused.value.faults[0].loc == ("query", "after")


async def test_rows_of_any_name_are_kept_apart(stores: Stores) -> None:
    strange = ["a b", "a", "", "1 2 3", "é\u2028\x00", "\ud800", '["x"]']
    for number, name in enumerate(strange):
        found = book(tree_id_of(stores.clock.now(), number), tenant=name, attempts=1)
        await stores.journal.create(found.tree_id)
        await stores.ledger.book(found)
    rows = rows_of(await summed(stores.ledger))
    assert {each.tenant for each in rows} == set(strange)
    assert {each.row.tenant for each in await every(stores.ledger)} == set(strange)
    assert row(CallOutcome.COMPLETED) not in rows
