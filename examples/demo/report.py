"""What came out: the tree and the single agent side by side, as a table."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from examples.demo.differences import NONE, difference
from examples.demo.job import Job, Known
from rao_runtime.cli import fields, plain
from rao_runtime.client import Tree

SHORT_CHARS = 20
LONG_LINES = 2  # of a terminal; a pipe gets all of it
MOST_CHARS = 100_000

Cell = Callable[[Tree], str | Text]


def height(job: Job) -> int:
    """How many lines it is about to take, where everything is short."""
    return 15 if job.known else 13


def print_report(out: Console, job: Job, tree: Tree, flat: Tree) -> None:
    """The table, then what does not fit into it."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    table.add_column("")
    table.add_column("recursive", justify="right", no_wrap=True)
    table.add_column("flat", justify="right", no_wrap=True)
    for name, cell in _rows(job):
        table.add_row(name, cell(tree), cell(flat))
    out.print(table)
    out.print()
    most = LONG_LINES * out.width if out.is_terminal else MOST_CHARS
    for remark in _remarks(job, {"recursive": tree, "flat": flat}):
        out.print(Text(plain.one_line(remark, most)))


def _rows(job: Job) -> Iterator[tuple[str, Cell]]:
    yield "answer", lambda tree: Text(_answer(tree), style="bold" if tree.is_completed else "red")
    if job.known is not None:
        known = job.known
        yield "truth", lambda _: _short(known.answer)
        yield "difference", lambda tree: _difference(tree, known)
    yield "nodes", _nodes
    yield "depth", lambda tree: str(tree.nodes.max_depth)
    yield "input tokens", lambda tree: f"{tree.usage.input_tokens:,}"
    yield "  of them cached", lambda tree: f"{tree.usage.cached_tokens:,}"
    yield "output tokens", lambda tree: f"{tree.usage.output_tokens:,}"
    yield "cost", lambda tree: "no price" if tree.cost is None else plain.money(tree.cost)
    yield "wall clock", lambda tree: plain.seconds(fields.seconds(fields.mapping(tree.raw.get("timing")).get("wall_s")))


def _answer(tree: Tree) -> str:
    return _short(tree.answer) if tree.is_completed else tree.status


def _difference(tree: Tree, known: Known) -> Text:
    if not tree.is_completed:
        return Text("no answer", style="red")
    told = difference(tree.answer, known.answer)
    return Text(told, style="green" if told == NONE else "yellow")


def _nodes(tree: Tree) -> str:
    failed = f" ({tree.nodes.failed:,} failed)" if tree.nodes.failed and tree.nodes.total > 1 else ""
    return f"{tree.nodes.total:,}{failed}"


def _short(answer: object) -> str:
    """An answer as it fits into the table, or what kind of thing it is."""
    match answer:
        case bool():
            return "yes" if answer else "no"
        case int():
            return f"{answer:,}"
        case list():
            return f"list of {len(cast('list[Any]', answer))}"
        case dict():
            return f"table of {len(cast('dict[str, Any]', answer))}"
        case _:
            told = _long(answer)
            return told if len(told) <= SHORT_CHARS else "text, see below"


def _long(answer: object) -> str:
    match answer:
        case list():
            return ", ".join(plain.value(each) for each in cast("list[Any]", answer))
        case dict():
            return ", ".join(f"{name} {plain.value(each)}" for name, each in cast("dict[str, Any]", answer).items())
        case _:
            return plain.value(answer)


def _remarks(job: Job, trees: Mapping[str, Tree]) -> Iterator[str]:
    """Why there is no answer, answers too long for the table, who answered, who knows the truth."""
    for mode, tree in trees.items():
        if tree.error is not None:
            yield f"{mode} {tree.status}: {tree.error}"
        elif _is_long(tree.answer):
            yield f"{mode}: {_long(tree.answer)}"
    known = job.known
    if known is not None and _is_long(known.answer) and difference(trees["recursive"].answer, known.answer) != NONE:
        yield f"truth: {_long(known.answer)}"
    truth = "no truth is known for this goal" if known is None else f"the truth comes from {known.source}"
    yield f"Answered by {trees['recursive'].raw.get('model')}; {truth}."


def _is_long(answer: object) -> bool:
    return isinstance(answer, list | dict) or (isinstance(answer, str) and len(_long(answer)) > SHORT_CHARS)
