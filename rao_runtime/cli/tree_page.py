"""A tree on the terminal of somebody who asked for it: its nodes, its answer, one line of numbers."""

from rich.console import Console
from rich.text import Text

from rao_runtime.cli import plain
from rao_runtime.cli.fields import Json
from rao_runtime.cli.looks import badge
from rao_runtime.cli.node_table import node_table
from rao_runtime.cli.result_view import error_line, outcome, summary
from rao_runtime.cli.rows import rows
from rao_runtime.cli.snapshot import read_at, snapshot

MOST_ERRORS = 20
GOAL_CHARS = 60


def print_nodes(out: Console, tree: Json) -> None:
    """All nodes, then why some of them failed."""
    watched = snapshot(tree)
    shown = rows(watched, len(watched.nodes))
    out.print(node_table(shown, read_at(tree), out.options))
    out.print()
    failed = [row.node for row in shown if row.node.ended == "failed"]
    for node in failed[:MOST_ERRORS]:
        told = badge("failed", ascii_only=out.options.ascii_only)
        out.print(told.append(f"  {plain.one_line(node.goal, GOAL_CHARS)}: {error_line(node.error)}", style="none"))
    if failed:
        out.print()


def print_end(out: Console, tree: Json) -> None:
    """Answer or error, if there is one yet, then the tree in numbers."""
    told = list(outcome(tree))
    if told:
        told.append(Text())
    for text in [*told, *summary(tree, ascii_only=out.options.ascii_only)]:
        out.print(text)
