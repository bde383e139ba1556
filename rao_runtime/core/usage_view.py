"""The ledger in the shape of the API: reports and records. Pure."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from rao_runtime.core.ledger import LedgerEntry
from rao_runtime.core.pricing import amount, from_pico
from rao_runtime.core.usage_report import Dimension, Line, Report, UsageQuery
from rao_runtime.core.view import timestamp

# The columns of a record, in the order that a table shows them.
RECORD = (
    *("booked_at", "ts", "tenant", "project", "tree_id", "node_id", "call_id", "attempt", "purpose", "model"),
    *("price_version", "outcome", "usage_source", "input_tokens", "cached_tokens", "output_tokens", "wasted"),
    *("gpu_s", "cost"),
)


def report_view(query: UsageQuery, report: Report) -> dict[str, Any]:
    """A report, its lines in the order of their keys."""
    names = [dimension.value for dimension in query.group_by]
    lines = [dict(zip(names, key, strict=True)) | line_view(query, line) for key, line in report.sorted()]
    return {
        "since": _day(query.since),
        "until": _day(query.until),
        "group_by": names,
        "currency": "USD",
        "data": lines,
        "total": line_view(query, report.total()),
    }


def line_view(query: UsageQuery, line: Line) -> dict[str, Any]:
    """A line of a report; its costs are null where there were attempts and none had a price."""
    unpriced = line.attempts > 0 and line.attempts == line.unpriced_attempts
    return {
        # Trees have no outcome of the kind that attempts have.
        "trees": None if Dimension.OUTCOME in query.group_by else line.trees,
        "attempts": line.attempts,
        "input_tokens": line.input_tokens,
        "cached_tokens": line.cached_tokens,
        "output_tokens": line.output_tokens,
        "wasted_tokens": line.wasted_tokens,
        "cost": None if unpriced else _usd(line.cost),
        "wasted_cost": None if unpriced else _usd(line.wasted_cost),
        "estimated_attempts": line.estimated_attempts,
        "unpriced_attempts": line.unpriced_attempts,
    }


def record_view(entry: LedgerEntry, booked_at: float) -> dict[str, Any]:
    """A record, its members in the order of RECORD."""
    row, tokens = entry.row, entry.tokens
    return {
        "booked_at": timestamp(booked_at),
        "ts": timestamp(entry.at),
        "tenant": row.tenant,
        "project": row.project,
        "tree_id": entry.tree_id,
        "node_id": entry.node_id,
        "call_id": entry.call_id,
        "attempt": entry.attempt,
        "purpose": row.purpose,
        "model": row.model,
        "price_version": row.price_version,
        "outcome": row.outcome,
        "usage_source": row.source,
        "input_tokens": tokens.input,
        "cached_tokens": tokens.cached,
        "output_tokens": tokens.output,
        "wasted": entry.wasted,
        "gpu_s": entry.gpu_s,
        "cost": None if entry.amount is None else _usd(entry.amount),
    }


def cells(record: dict[str, Any]) -> Sequence[str]:
    """A record as a row of a table; what is null is empty."""
    values = (record[name] for name in RECORD)
    return ["" if value is None else str(value).lower() if isinstance(value, bool) else str(value) for value in values]


def _usd(pico: int) -> str:
    return amount(from_pico(pico))


def _day(day: date) -> str:
    return day.isoformat()
