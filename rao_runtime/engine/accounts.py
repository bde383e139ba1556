"""Answers what was used and what it cost, from the ledger."""

from typing import Any

from rao_runtime.core.errors import Fault, InvalidRequest
from rao_runtime.core.usage_report import Report, UsageQuery
from rao_runtime.core.usage_view import record_view, report_view
from rao_runtime.ports import Ledger, RecordQuery

# So many lines and sums are read at once, as they are for each day that is told apart.
MOST_DAYS_APART = 400
MOST_DAYS = 7_320


async def usage(ledger: Ledger, query: UsageQuery) -> dict[str, Any]:
    """A report. Raises InvalidRequest for a time that is too long or none, JournalUnavailable."""
    days = (query.until - query.since).days
    if days < 1:
        raise _wrong_time("is not after `since`")
    if days > MOST_DAYS:
        raise _wrong_time(f"is {days:,} days after `since`; {MOST_DAYS:,} are the most")
    if query.by_day and days > MOST_DAYS_APART:
        raise _wrong_time(f"is {days:,} days after `since`; by `day`, {MOST_DAYS_APART} are the most")
    report = Report(query)
    async for rollups in ledger.rollups(query.since, query.until, by_day=query.by_day):
        report.add(rollups)
    return report_view(query, report)


async def records(ledger: Ledger, query: RecordQuery, *, limit: int, after: str | None) -> dict[str, Any]:
    """A page of records. Raises InvalidRequest for a bad cursor, JournalUnavailable."""
    page = await ledger.records(query, limit=limit, after=after)
    data = [record_view(record.entry, record.booked_at) for record in page.records]
    return {"data": data, "next_cursor": page.cursor, "has_more": page.has_more}


def _wrong_time(why: str) -> InvalidRequest:
    return InvalidRequest([Fault(("query", "until"), why)])
