"""Shows reports to people: a line about the machine, then a row for each figure."""

import os
import platform
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure, Report

VERDICTS = {True: "reached", False: "[bold]missed[/bold]", None: ""}


def machine() -> dict[str, Any]:
    """What the figures depend on besides the code, the load before anything runs included."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load_1m": round(os.getloadavg()[0], 2),
    }


def show(reports: Mapping[str, Report], console: Console, about: Mapping[str, Any]) -> None:
    """Print the table."""
    console.print("{cores} cores, {system}, Python {python}, load average {load_1m} at the start".format_map(about))
    table = Table(box=None, pad_edge=False)
    for name in ("benchmark", "figure"):
        table.add_column(name)
    for name in ("measured", "bar"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("verdict", "note"):
        table.add_column(name)
    for name, report in reports.items():
        for number, figure in enumerate(report.figures):
            table.add_row("" if number else name, *_row(figure))
    console.print(table)


def _row(figure: Figure) -> tuple[str, ...]:
    sign = "≥" if figure.at_least else "≤"
    bar = "" if figure.bar is None else f"{sign}{_number(figure.bar)} {figure.unit}".rstrip()
    return figure.name, f"{_number(figure.value)} {figure.unit}".rstrip(), bar, VERDICTS[figure.met], figure.note


def _number(value: float) -> str:
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
