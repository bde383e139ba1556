"""Replicas as a table, one line each, and below it what is wrong with some of them."""

from collections.abc import Iterator, Sequence

from rich.console import ConsoleOptions
from rich.table import Table
from rich.text import Text

from rao_runtime.cli import plain
from rao_runtime.cli.looks import badge
from rao_runtime.client import Replica

NAME_CHARS = 60


def replica_table(replicas: Sequence[Replica], options: ConsoleOptions) -> Table:
    """Id, name, state, calls in flight of slots, prefix cache, models."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("id", "replica", "state"):
        table.add_column(heading, no_wrap=True)
    for heading in ("calls", "kv"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("models")
    for replica in replicas:
        table.add_row(
            plain.one_line(replica.id),
            plain.one_line(replica.name, NAME_CHARS),
            badge(plain.one_line(replica.state), ascii_only=options.ascii_only),
            f"{replica.in_flight:,}/{replica.slots:,}",
            kv(replica),
            ", ".join(map(plain.one_line, replica.models)) or "-",
        )
    return table


def complaints(replicas: Sequence[Replica]) -> Iterator[Text]:
    """A line for each that is down, and one for each thing that an operator should change."""
    for replica in replicas:
        told = [] if replica.why is None else [f"{replica.state}: {replica.why}"]
        for line in [*told, *replica.missing]:
            yield Text.assemble((plain.one_line(replica.id), "bold"), "  ", plain.one_line(line))


def kv(replica: Replica) -> str:
    """`37% of 61.4k`, or the half of it that is known."""
    used = "" if replica.kv_usage is None else f"{100 * replica.kv_usage:.0f}%"
    size = "" if replica.kv_tokens is None else plain.count(replica.kv_tokens)
    return " of ".join(filter(None, (used, size))) or "-"
