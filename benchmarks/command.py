"""Runs benchmarks from the command line, one after the other, each in a world of its own."""

import argparse
import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson
from rich.console import Console

from benchmarks import table
from benchmarks.figures import Benchmark, Report

LONGEST_S = 1_800.0


def main(
    benchmarks: Mapping[str, Benchmark], arguments: Sequence[str] | None = None, *, longest_s: float = LONGEST_S
) -> int:
    """Run those named, else all; `arguments` are the command line's unless given. Each may take `longest_s`.

    Returns 1 where one could not be run at all; a missed bar is no failure.
    """
    parser = argparse.ArgumentParser(description="Measures speed and size; prints a table, can write JSON.")
    if len(benchmarks) > 1:
        parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(benchmarks)}; all by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write every number behind the table")
    options = parser.parse_args(arguments)
    names = getattr(options, "names", None) or list(benchmarks)
    if unknown := [name for name in names if name not in benchmarks]:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(benchmarks)}")
    # Asked to end, it must still end what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(width=None if os.isatty(1) else 160, highlight=False)
    about = table.machine()
    reports = {name: report for name in names if (report := _run(name, benchmarks[name], console, longest_s))}
    table.show(reports, console, about)
    if options.json:
        found = {"machine": about, "benchmarks": {name: report.as_dict() for name, report in reports.items()}}
        options.json.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS) + b"\n")
    return int(len(reports) < len(names))


def _run(name: str, benchmark: Benchmark, console: Console, longest_s: float) -> Report | None:
    console.print(f"{name} ...", style="dim")
    try:
        return asyncio.run(_bounded(benchmark, longest_s))
    except Exception:  # noqa: BLE001  one benchmark that fails must not keep the others from running
        console.print_exception(max_frames=4)
        return None


async def _bounded(benchmark: Benchmark, longest_s: float) -> Report:
    async with asyncio.timeout(longest_s):
        return await benchmark()
