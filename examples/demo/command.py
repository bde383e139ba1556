"""The demo from its start to its end."""

import asyncio
import signal
from contextlib import AsyncExitStack

import typer
from rich.console import Console

from examples.demo import heading, report
from examples.demo.job import Job
from examples.demo.options import DemoOptions
from examples.demo.picture import LabelledDrawing
from examples.demo.progress import Progress
from examples.demo.servers import Place, found_or_started
from examples.demo.solving import Solver
from rao_runtime.cli import display
from rao_runtime.cli.display import Display
from rao_runtime.cli.errors import COMPLETED, FAILED, INTERRUPTED, CliError
from rao_runtime.cli.follow import Follower
from rao_runtime.cli.options import taking
from rao_runtime.cli.problems import explained
from rao_runtime.cli.terminal import console, is_watched, print_error, print_note
from rao_runtime.client import AsyncClient, ClientError, Tree

PATIENCE_S = 3.0


@taking(DemoOptions)
def demo(options: DemoOptions) -> None:
    """Solve a text that no window holds, with the tree of agents on the screen, beside what a single agent makes of it.

    Uses the server at --server, or starts one for as long as it takes.

    [bold]Examples[/bold]
    make demo
    make demo FILE=notes.txt GOAL="How many lines mention a fruit?"
    make demo ARGS="--lines 20000 --seed 7 --kind most_common"
    """
    notes = list[str]()
    try:
        status = asyncio.run(_demo(options.job(), options.server, notes))
    except (CliError, ClientError) as error:
        told = explained(error) if isinstance(error, ClientError) else error
        print_error(told)
        status = told.status
    except (KeyboardInterrupt, asyncio.CancelledError):
        print_note(f"Interrupted{': ' if notes else '.'}{', '.join(notes)}")
        status = INTERRUPTED
    raise typer.Exit(status)


def main() -> None:
    """Run the command line."""
    app = typer.Typer(rich_markup_mode="rich", pretty_exceptions_enable=False, add_completion=False)
    app.command()(demo)
    app(prog_name="python -m examples.demo")


def _leave_on_signals() -> None:
    """Have a signal that ends the process do what Ctrl-C does, unless somebody wants it ignored."""
    task = asyncio.current_task()
    for name in (signal.SIGTERM, signal.SIGHUP):
        if task is not None and signal.getsignal(name) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(name, task.cancel)


async def _demo(job: Job, server: str, notes: list[str]) -> int:
    _leave_on_signals()
    out = console()
    heading.print_task(out, job)
    async with AsyncExitStack() as stack:
        with out.status("Looking for a server, or starting one."):
            place = await stack.enter_async_context(found_or_started(server))
        try:
            ended = await place.beside(_solved(out, job, place, notes))
        except asyncio.CancelledError:
            notes += ["the server was stopped"] * (place.own is not None)
            raise
        if not ended.is_completed:
            raise CliError("the tree has no answer", status=FAILED)
    return COMPLETED


async def _solved(out: Console, job: Job, place: Place, notes: list[str]) -> Tree:
    async with AsyncClient(place.url, patience_s=PATIENCE_S, first_patience_s=0.0) as client:
        solver = Solver(client=client, place=place, job=job, notes=notes)
        async with solver.submitted("recursive") as tree:
            await heading.print_solver(out, job, place, tree)
            ended = await solver.ended(tree, lambda follower: _growing(out, job, follower))
        async with solver.submitted("flat") as tree:
            flat = await solver.ended(tree, lambda follower: _alone(out, follower))
    out.print()
    report.print_report(out, job, ended, flat)
    return ended


def _growing(out: Console, job: Job, follower: Follower) -> Display:
    if not is_watched():
        return Progress("recursive", follower)
    return LabelledDrawing(out, follower, above=heading.LINES, below=report.height(job))


def _alone(out: Console, follower: Follower) -> Display:
    return display.one_line(out, follower) if is_watched() else Progress("flat", follower)
