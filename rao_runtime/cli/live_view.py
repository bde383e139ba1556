"""A watched tree as it is drawn: a head, as many nodes as fit, and what is not shown in numbers."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from rao_runtime.cli import plain
from rao_runtime.cli.looks import badge
from rao_runtime.cli.node_table import node_table
from rao_runtime.cli.rows import hidden, rows
from rao_runtime.cli.watched import Totals, WatchedTree

HEAD_LINES = 4  # goal, counts, totals, the table's heading
FOOT_LINES = 2  # what is hidden, and the line the cursor is on
LEAST_ROWS = 1
SEPARATOR = " · "

Now = Callable[[], float | None]


@dataclass(frozen=True, slots=True)
class LiveView:
    """Draws the tree as it is at that moment, no higher than the terminal. `now` gives the server's epoch seconds."""

    tree: WatchedTree
    now: Now

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        now, ascii_only = self.now(), options.ascii_only
        shown = rows(self.tree, max(LEAST_ROWS, console.size.height - HEAD_LINES - FOOT_LINES))
        yield from self._head(now, ascii_only=ascii_only)
        if shown:
            yield node_table(shown, now, options)
        left_out = hidden(self.tree, shown)
        if left_out:
            yield _line(f"and {plain.some(left_out.total(), 'more node')}: {by_status(left_out)}", "dim")

    def _head(self, now: float | None, *, ascii_only: bool) -> Iterator[Text]:
        tree = self.tree
        head = badge(tree.status, ascii_only=ascii_only)
        head.append("  ").append(plain.one_line(tree.goal), style="bold")
        yield _short(head)
        yield _line(counts_line(tree))
        yield _line(f"{totals_line(tree.totals)}{SEPARATOR}{plain.seconds(tree.elapsed_s(now))}")


def counts_line(tree: WatchedTree) -> str:
    """`27 nodes: 3 working, 24 completed · depth 2`."""
    counts = tree.counts()
    parts = [plain.some(counts.total(), "node"), f"depth {tree.max_depth}"]
    if counts:
        parts[0] += f": {by_status(counts)}"
    if tree.has_gap:
        parts.append("earlier events are gone")
    return SEPARATOR.join(parts)


def totals_line(totals: Totals) -> str:
    """`53 calls · 9,120 + 2,210 tokens (6,400 cached) · $0.0019`; without a price there is no amount."""
    cached = f" ({totals.cached_tokens:,} cached)" if totals.cached_tokens else ""
    parts = [plain.some(totals.calls, "call"), f"{totals.input_tokens:,} + {totals.output_tokens:,} tokens{cached}"]
    if totals.cost is not None:
        parts.append(plain.money(totals.cost))
    return SEPARATOR.join(parts)


def by_status(counts: Counter[str]) -> str:
    """`3 working, 24 completed`."""
    return ", ".join(f"{number:,} {status}" for status, number in counts.items())


def _line(text: str, style: str = "") -> Text:
    return _short(Text(text, style=style))


def _short(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
