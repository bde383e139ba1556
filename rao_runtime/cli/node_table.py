"""Nodes as a table, one line each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import ConsoleOptions, JustifyMethod
from rich.table import Table
from rich.text import Text

from rao_runtime.cli import plain
from rao_runtime.cli.looks import badge
from rao_runtime.cli.rows import Row

WITH_IDS = 100  # columns from which on ids leave enough for goals
ASCII_GUIDES = str.maketrans("├└─│…", "|`-|~")


@dataclass(frozen=True, slots=True)
class _Column:
    heading: str
    cell: Callable[[Row], Text | str]
    is_number: bool = True

    @property
    def justify(self) -> JustifyMethod:
        return "right" if self.is_number else "left"


def node_table(shown: Sequence[Row], now: float | None, options: ConsoleOptions) -> Table:
    """Node, depth, status, turns, tokens, cost and seconds. A column without a single entry is left out.

    `now` is the server's epoch seconds, for the nodes that have not ended.
    """
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
    table.add_column("node", ratio=1, no_wrap=True, overflow="ellipsis")
    columns = _columns(shown, now, options)
    for column in columns:
        table.add_column(column.heading, justify=column.justify, no_wrap=True)
    for row in shown:
        table.add_row(_goal(row, options), *(column.cell(row) for column in columns))
    return table


def _columns(shown: Sequence[Row], now: float | None, options: ConsoleOptions) -> list[_Column]:
    columns = [
        _Column("depth", lambda row: str(row.node.depth)),
        _Column("status", lambda row: badge(row.node.status, ascii_only=options.ascii_only), is_number=False),
        _Column("tokens", lambda row: plain.count(row.node.tokens)),
        _Column("seconds", lambda row: plain.seconds(row.node.elapsed_s(now)).removesuffix(" s")),
    ]
    if any(row.node.cost is not None for row in shown):
        columns.insert(-1, _Column("cost", lambda row: plain.money(row.node.cost)))
    if any(row.node.turns for row in shown):
        columns.insert(2, _Column("turns", lambda row: str(row.node.turns)))
    if options.max_width >= WITH_IDS:
        columns.insert(0, _Column("id", lambda row: Text(row.node.node_id, style="dim"), is_number=False))
    return columns


def _goal(row: Row, options: ConsoleOptions) -> Text:
    guide = row.guide.translate(ASCII_GUIDES) if options.ascii_only else row.guide
    goal = plain.one_line(row.node.goal, options.max_width) or row.node.node_id
    return Text.assemble((guide, "dim"), goal)
