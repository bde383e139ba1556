"""Trees as a table, one line each."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import ConsoleOptions
from rich.table import Table

from rao_runtime.cli import fields, plain
from rao_runtime.cli.looks import badge


def tree_table(trees: Sequence[Mapping[str, Any]], options: ConsoleOptions) -> Table:
    """Id, status, nodes, tokens, cost, time and goal."""
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
    table.add_column("tree", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for heading in ("nodes", "tokens", "cost", "seconds"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("goal", ratio=1, no_wrap=True, overflow="ellipsis")
    for tree in trees:
        usage, timing = fields.mapping(tree.get("usage")), fields.mapping(tree.get("timing"))
        tokens = fields.number(usage.get("input_tokens")) + fields.number(usage.get("output_tokens"))
        table.add_row(
            plain.one_line(fields.text(tree.get("tree_id"))),
            badge(fields.text(tree.get("status")), ascii_only=options.ascii_only),
            f"{fields.number(fields.mapping(tree.get('nodes')).get('total')):,}",
            plain.count(tokens),
            plain.money(fields.cost(tree.get("cost"))),
            plain.seconds(fields.seconds(timing.get("wall_s"))).removesuffix(" s"),
            plain.one_line(fields.text(tree.get("goal"))),
        )
    return table
