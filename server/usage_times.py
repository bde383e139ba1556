"""Times and dimensions of a question to the ledger, as a query string has them."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from rao_runtime.core.errors import Fault, InvalidRequest
from rao_runtime.core.usage_report import MAX_DIMENSIONS, Dimension

DAY = timedelta(days=1)
DEFAULT_DAYS = 30
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)")
EXPECTED = "expected a date such as `2026-11-22`, or a time with its offset such as `2026-11-22T10:00:00Z`"


def days(since: str | None, until: str | None, now: float) -> tuple[date, date]:
    """The first day and the day after the last: times within a day widen to all of it. Raises InvalidRequest.

    Without `until`, up to today; without `since`, 30 days.
    """
    today = datetime.fromtimestamp(now, UTC).date()
    last = None if until is None else _time("until", until)
    end = today + DAY if last is None else last.date() + (DAY if last.time() != datetime.min.time() else timedelta())
    try:
        return end - DEFAULT_DAYS * DAY if since is None else _time("since", since).date(), end
    except OverflowError:
        raise _wrong("until") from None


def moment(name: str, text: str | None) -> float | None:
    """Epoch seconds; a date is its first moment. Raises InvalidRequest."""
    return None if text is None else _time(name, text).timestamp()


def dimensions(asked: Sequence[str]) -> Sequence[Dimension]:
    """What to group by: several values, or one with commas. Raises InvalidRequest."""
    names = list(dict.fromkeys(name.strip() for each in asked for name in each.split(",")))
    known = [dimension.value for dimension in Dimension]
    if any(name not in known for name in names):
        raise InvalidRequest([Fault(("query", "group_by"), f"expected some of {', '.join(known)}")])
    if len(names) > MAX_DIMENSIONS:
        raise InvalidRequest([Fault(("query", "group_by"), f"expected at most {MAX_DIMENSIONS}")])
    return [Dimension(name) for name in names]


def _time(name: str, text: str) -> datetime:
    # A plus sign in a query string is a space, unless it was escaped.
    text = re.sub(r" (?=\d\d:\d\d$)", "+", text)
    if not _DATE.fullmatch(text) and not _TIME.fullmatch(text):
        raise _wrong(name)
    try:
        found = datetime.fromisoformat(text.upper())
        return found.replace(tzinfo=UTC) if _DATE.fullmatch(text) else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _wrong(name) from None


def _wrong(name: str) -> InvalidRequest:
    return InvalidRequest([Fault(("query", name), EXPECTED)])
