"""Runs the evaluation from the command line, section by section."""

import argparse
import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.table import machine
from training.evaluation import table, worlds
from training.evaluation.bench import Bench, Plan, Row
from training.evaluation.sections import SECTIONS, of_decisions
from training.evaluation.trials import Trial
from training.evaluation.worlds import NoModel, OpenWorld


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections asked for, else all. Returns 1 where one could not be run; a missed bar is no failure."""
    options = _options(arguments)
    # Asked to end, it must still end what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    plan = Plan(seed=options.seed, temperature=options.temperature, quick=options.quick)
    console = Console(width=None if os.isatty(1) else 200, highlight=False)
    about = {"source": _told(options), **asdict(plan), **machine()}
    names = list(dict.fromkeys(options.only or SECTIONS))
    rows, trials = _run_all(names, _open_world(options), plan)
    every = [trial for section in trials.values() for trial in section]
    if rows:
        table.show({**rows, "decisions": of_decisions(every)}, console, about)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_bytes(orjson.dumps(_found(rows, trials, about), option=orjson.OPT_INDENT_2) + b"\n")
    return int(len(rows) < len(names))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluation",
        description="Runs whole trees through the real runtime; prints a table, can write JSON.",
        epilog="Without --replica and --oracle it evaluates the embedded engine.",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--replica", metavar="URL", help="a server that speaks OpenAI's protocol, such as vLLM")
    where.add_argument("--oracle", action="store_true", help="the ideal policy instead of a model: the ceiling")
    parser.add_argument("--model", default=worlds.MODEL, help="its name at the replica (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="few tasks, none of 10,000 lines")
    parser.add_argument(
        "--only", action="append", choices=list(SECTIONS), help="this section; may be repeated", metavar="SECTION"
    )
    parser.add_argument("--temperature", type=float, default=Plan().temperature, help="(%(default)g)")
    parser.add_argument("--seed", type=int, default=Plan().seed, help="of the tasks and of sampling (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write every tree behind the table")
    return parser.parse_args(arguments)


def _open_world(options: argparse.Namespace) -> OpenWorld:
    if options.oracle:
        return worlds.oracle()
    return worlds.embedded() if options.replica is None else worlds.at_replica(options.replica, options.model)


def _told(options: argparse.Namespace) -> str:
    if options.oracle:
        return "the oracle"
    return "the embedded engine" if options.replica is None else f"{options.model} at {options.replica}"


def _run_all(
    names: Sequence[str], open_world: OpenWorld, plan: Plan
) -> tuple[Mapping[str, Sequence[Row]], Mapping[str, Sequence[Trial]]]:
    """The rows and the trees of every section that could be run."""
    rows, trials = dict[str, Sequence[Row]](), dict[str, Sequence[Trial]]()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} trees"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        for name in names:
            bench = _bench(name, open_world, plan, progress)
            try:
                rows[name] = asyncio.run(_rows(name, bench))
                trials[name] = bench.trials
            except NoModel as error:
                progress.console.print(str(error))
                break
            except Exception as error:  # noqa: BLE001  one section that fails must not keep the others from running
                progress.console.print(f"{name} could not be run: {_reason(error)}")
    return rows, trials


async def _rows(name: str, bench: Bench) -> Sequence[Row]:
    return await SECTIONS[name](bench)


def _bench(name: str, open_world: OpenWorld, plan: Plan, progress: Progress) -> Bench:
    bar, total = progress.add_task(name, total=0), 0

    def expect(more: int) -> None:
        nonlocal total
        total += more
        progress.update(bar, total=total)

    return Bench(open_world, plan, expect=expect, advance=lambda: progress.advance(bar))


def _reason(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", error).exceptions
        return "; ".join(sorted({_reason(each) for each in inner}))
    return f"{type(error).__name__}: {error}"


def _found(
    rows: Mapping[str, Sequence[Row]], trials: Mapping[str, Sequence[Trial]], about: Mapping[str, Any]
) -> dict[str, Any]:
    every = [trial for section in trials.values() for trial in section]
    return {
        "about": dict(about),
        "sections": {
            name: {"rows": list(map(_row, section)), "trees": [trial.as_dict() for trial in trials[name]]}
            for name, section in rows.items()
        },
        "decisions": list(map(_row, of_decisions(every))),
    }


def _row(row: Row) -> dict[str, Any]:
    figure = {**asdict(row.figure), "met": row.figure.met}
    return figure if row.trials is None else figure | {"spent": row.trials.spent()}
