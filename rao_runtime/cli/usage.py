"""`rao usage`: what was used and what it cost."""

from enum import StrEnum
from typing import Annotated

import typer

from rao_runtime.cli.api import connected
from rao_runtime.cli.errors import COMPLETED
from rao_runtime.cli.flags import DEFAULT_SERVER, AsJson, Server
from rao_runtime.cli.running import Attached, run
from rao_runtime.cli.terminal import console, is_watched, print_json, print_line, print_note
from rao_runtime.cli.usage_table import remarks, usage_csv, usage_table
from rao_runtime.client.usage import UsageFilters


class Group(StrEnum):
    """What usage can be told apart by."""

    TENANT = "tenant"
    PROJECT = "project"
    MODEL = "model"
    DAY = "day"
    OUTCOME = "outcome"


By = Annotated[
    list[Group],
    typer.Option("--by", "-b", help="By what; may be given up to three times."),
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="DATE", help="The first day, in UTC; 30 days back by default.")
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="DATE", help="The day after the last one; tomorrow by default.")
]
Tenant = Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="Only this tenant.")]
Model = Annotated[str | None, typer.Option("--model", metavar="NAME", help="Only this model.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="CSV, for a spreadsheet.")]


def usage(
    *,
    by: By = [Group.DAY],  # noqa: B006 - typer takes a list, and copies it
    since: Since = None,
    until: Until = None,
    tenant: Tenant = None,
    model: Model = None,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
    server: Server = DEFAULT_SERVER,
) -> None:
    """Show what all trees used and what it cost, also those that are deleted.

    [bold]Examples[/bold]
    rao usage --by model --since 2026-11-01
    rao usage --by day --by tenant --csv > november.csv
    """
    if as_csv and as_json:
        raise typer.BadParameter("choose one", param_hint="--csv, --json")
    filters = UsageFilters(since=since, until=until, tenant=tenant, model=model)
    run(_usage(server, [group.value for group in by], filters, as_csv=as_csv, as_json=as_json), Attached(server))


async def _usage(server: str, by: list[str], filters: UsageFilters, *, as_csv: bool, as_json: bool) -> int:
    async with connected(server) as client:
        report = await client.usage(by, **filters)
    if as_csv:
        print_line(usage_csv(report))
    elif as_json or not is_watched():
        print_json(report.raw)
    elif report.lines:
        console().print(usage_table(report))
        for remark in remarks(report.total):
            print_note(remark)
    else:
        console().print(f"Nothing was used from {report.since} up to {report.until}.")
    return COMPLETED
