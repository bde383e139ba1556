"""Shows the evaluation to people: what was evaluated, then a row for each figure."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure
from benchmarks.table import VERDICTS
from training.evaluation.bench import Row
from training.evaluation.trials import Trials

NUMBERS = ("measured", "bar", "verdict", "trees", "nodes", "tokens in", "tokens out", "cost USD", "wall s")


def show(rows: Mapping[str, Sequence[Row]], console: Console, about: Mapping[str, Any]) -> None:
    """Print the table."""
    console.print(
        "{source}, temperature {temperature:g}, seed {seed}; {cores} cores, {system}, Python {python},"
        " load average {load_1m} at the start".format_map(about)
    )
    table = Table(box=None, pad_edge=False)
    for name in ("section", "figure"):
        table.add_column(name)
    for name in NUMBERS:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("note")
    for name, section in rows.items():
        for number, row in enumerate(section):
            figure = row.figure
            table.add_row("" if number else name, figure.name, *_numbers(figure), *_spent(row.trials), figure.note)
    console.print(table)


def _numbers(figure: Figure) -> tuple[str, ...]:
    sign = "≥" if figure.at_least else "≤"
    bar = "" if figure.bar is None else f"{sign}{figure.bar:g} {figure.unit}".rstrip()
    # A hundredth of a percent is one part in ten thousand: rounding must not make a figure better than it is.
    value = f"{figure.value:,.2f}" if abs(figure.value) < 1000 else f"{figure.value:,.0f}"
    return f"{value} {figure.unit}".rstrip(), bar, VERDICTS[figure.met]


def _spent(trials: Trials | None) -> tuple[str, ...]:
    if trials is None:
        return ("",) * 6
    usage, cost = trials.usage, trials.cost
    counts = (len(trials), trials.nodes, usage.input_tokens, usage.output_tokens)
    return *(f"{count:,}" for count in counts), "" if cost is None else f"{cost:.6f}", f"{trials.wall_s:.1f}"
