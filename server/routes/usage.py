"""What was used and what it cost: sums, and the records they are made of."""

import csv
from collections.abc import Mapping
from io import StringIO
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from rao_runtime.core.ledger import Purpose
from rao_runtime.core.usage_report import UsageQuery
from rao_runtime.core.usage_view import RECORD, cells
from rao_runtime.ports import RecordQuery
from server import preferences, usage_times
from server.deps import TheGateway
from server.document import USAGE_RECORDS, answers
from server.problems import INVALID
from server.rendering import Json
from server.schemas.usage import UsageReport

CSV = "text/csv; charset=utf-8; header=present"

Name = Annotated[str | None, Query(max_length=256, description="Only attempts of this one.")]
Since = Annotated[
    str | None, Query(max_length=64, description="A date, or a time of RFC 3339.", examples=["2026-11-01"])
]
Until = Annotated[str | None, Query(max_length=64, description="As `since`; up to before it.", examples=["2026-12-01"])]


async def _record_query(
    *,
    since: Since = None,
    until: Until = None,
    tenant: Name = None,
    tree: Annotated[str | None, Query(max_length=64, description="Only attempts of this tree.")] = None,
) -> RecordQuery:
    first, end = usage_times.moment("since", since), usage_times.moment("until", until)
    return RecordQuery(since=first, until=end, tenant=tenant, tree_id=tree)


router = APIRouter(tags=["usage"], default_response_class=Json)


@router.get("/usage", summary="Sum up usage and cost", **answers({200: UsageReport}, INVALID))
async def read_usage(
    *,
    gateway: TheGateway,
    group_by: Annotated[
        list[str] | None,
        Query(description="Up to three of `tenant`, `project`, `model`, `day`, `outcome`; `day` if there is none."),
    ] = None,
    since: Since = None,
    until: Until = None,
    tenant: Name = None,
    project: Name = None,
    model: Name = None,
    purpose: Annotated[Purpose | None, Query(description="Only attempts for this.")] = None,
) -> Response:
    """What all trees used and what it cost, of whole days in UTC; the last 30 of them unless asked otherwise.

    A tree counts for the day on which it was booked, as soon as it ended: so a day that is over does not change.
    Times within a day stand for all of it. The pool's own calls are booked to the tenant `system`.
    """
    begin, end = usage_times.days(since, until, gateway.runtime.now())
    query = UsageQuery(
        since=begin,
        until=end,
        group_by=usage_times.dimensions(group_by or ["day"]),
        tenant=tenant,
        project=project,
        model=model,
        purpose=purpose,
    )
    return Json(await gateway.runtime.usage(query))


@router.get("/usage/records", summary="List attempts", **USAGE_RECORDS)
async def list_usage_records(
    *,
    request: Request,
    gateway: TheGateway,
    query: Annotated[RecordQuery, Depends(_record_query)],
    after: Annotated[str | None, Query(max_length=512, description="The last page's `next_cursor`.")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="How many at most.")] = 100,
    format: Annotated[  # noqa: A002 - the parameter's name in the API
        Literal["json", "csv"] | None, Query(description="As `Accept` says, if not given.")
    ] = None,
) -> Response:
    """Every attempt at a model call that a replica worked on, in the order of booking, for as long as records are kept.

    `since` and `until` are times of booking. Records of a deleted tree stay. A page looks through a bounded part of the
    ledger only: asked for one tenant or tree it can be empty, and have more.
    """
    page = await gateway.runtime.usage_records(query, limit=limit, after=after)
    headers = {"Link": f'<{_next(request, page["next_cursor"])}>; rel="next"'} if page["has_more"] else {}
    if format == "csv" or (format is None and preferences.wants_csv(request.headers)):
        return Response(_table(page), media_type=CSV, headers=headers)
    return Json(page, headers=headers)


def _next(request: Request, cursor: str) -> str:
    url = request.url.include_query_params(after=cursor)
    return f"{url.path}?{url.query}"


def _table(page: Mapping[str, Any]) -> bytes:
    text = StringIO(newline="")
    table = csv.writer(text)
    table.writerow(RECORD)
    table.writerows(map(cells, page["data"]))
    return text.getvalue().encode("utf-8", "replace")
