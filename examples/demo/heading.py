"""What stands above the tree: the task, then who works on it. On a terminal one line each, however narrow."""

from rich.console import Console
from rich.text import Text

from examples.demo.job import Job
from examples.demo.servers import Place, window_of
from rao_runtime.cli import fields, plain
from rao_runtime.client import Tree

TITLE = "A text too long to read: solved by an agent that launches copies of itself"
LINES = 6  # of both together, with the blank one below


def print_task(out: Console, job: Job) -> None:
    """What is to be done."""
    _print_line(out, Text(TITLE, style="bold"))
    size = f"{plain.some(job.lines, 'line')}, {plain.some(len(job.text), 'character')}"
    _print_fact(out, "text", f"{size}, {job.source}")
    _print_fact(out, "goal", job.goal)


async def print_solver(out: Console, job: Job, place: Place, tree: Tree) -> None:
    """Who does it."""
    began = "" if place.own is None else f", of this demo; {place.why}"
    _print_fact(out, "server", f"{place.url}{began}")
    model = fields.text(tree.raw.get("model"))
    window = await window_of(place.url, model)
    sees = "" if window is None else f"; it sees {window:,} tokens at once, and the text has about {job.tokens:,}"
    _print_fact(out, "model", f"{model or 'not known yet'}{sees}")
    out.print()


def _print_fact(out: Console, name: str, value: str) -> None:
    _print_line(out, Text.assemble((f"{name:8}", "dim"), plain.one_line(value)))


def _print_line(out: Console, text: Text) -> None:
    if out.is_terminal:
        out.print(text, no_wrap=True, overflow="ellipsis", soft_wrap=False)
    else:
        out.print(text)
