"""Usage and cost as a table, a line for each group and one for all together."""

import csv
from collections.abc import Iterator
from io import StringIO

from rich.table import Table

from rao_runtime.cli import plain
from rao_runtime.client import UsageLine, UsageReport

COLUMNS = (
    *("trees", "attempts", "input_tokens", "cached_tokens", "output_tokens", "wasted_tokens"),
    *("cost", "wasted_cost", "estimated_attempts", "unpriced_attempts"),
)


def usage_table(report: UsageReport) -> Table:
    """Trees, attempts, tokens, cost; what of them was wasted."""
    table = Table(box=None, pad_edge=False, header_style="dim", show_footer=len(report.lines) > 1)
    total = list(_numbers(report.total))
    for place, name in enumerate(report.group_by):
        table.add_column(plain.one_line(name), footer="" if place else "total")
    headings = ("trees", "attempts", "input", "cached", "output", "wasted", "cost", "wasted cost")
    for heading, sum_ in zip(headings, total, strict=True):
        table.add_column(heading, footer=sum_, justify="right", no_wrap=True)
    for line in report.lines:
        table.add_row(*(plain.one_line(part or "-", 60) for part in line.key), *_numbers(line))
    return table


def remarks(total: UsageLine) -> Iterator[str]:
    """What the costs leave out, or only estimate."""
    if total.unpriced_attempts:
        yield f"{plain.some(total.unpriced_attempts, 'attempt')} without a price: their models have none set."
    if total.estimated_attempts:
        yield f"{plain.some(total.estimated_attempts, 'attempt')} with estimated tokens: they were cut off."


def usage_csv(report: UsageReport) -> str:
    """The lines as CSV, with a header; what is null is empty."""
    text = StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*report.group_by, *COLUMNS])
    for line in report.lines:
        values = [*line.key, *(line.raw.get(name) for name in COLUMNS)]
        table.writerow(["" if value is None else value for value in values])
    return text.getvalue().rstrip("\n")


def _numbers(line: UsageLine) -> Iterator[str]:
    yield "-" if line.trees is None else f"{line.trees:,}"
    yield f"{line.attempts:,}"
    for tokens in (line.input_tokens, line.cached_tokens, line.output_tokens, line.wasted_tokens):
        yield plain.count(tokens)
    yield plain.money(line.cost)
    yield plain.money(line.wasted_cost)
