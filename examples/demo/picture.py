"""The tree on the demo's screen: as much of it as leaves room for what stands above and comes below."""

from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from examples.demo.labels import label
from rao_runtime.cli import plain
from rao_runtime.cli.display import Drawing
from rao_runtime.cli.follow import Follower, Told
from rao_runtime.cli.live_view import Now, by_status, counts_line, totals_line
from rao_runtime.cli.looks import badge
from rao_runtime.cli.node_table import node_table
from rao_runtime.cli.rows import Row, hidden, rows
from rao_runtime.cli.watched import WatchedTree

OWN_LINES = 5  # counts, totals, the table's heading, what is hidden, the line the cursor is on


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Draws the tree as it is at that moment. `above` lines are taken while it grows, `below` as well in the end."""

    tree: WatchedTree
    now: Now
    above: int
    below: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        now, ascii_only = self.now(), options.ascii_only
        taken = self.above + OWN_LINES + (self.below if self.tree.end is not None else 0)
        shown = rows(self.tree, max(0, console.size.height - taken))
        head = badge(self.tree.status, ascii_only=ascii_only)
        yield _line(head.append(f"  {counts_line(self.tree)}", style="none"))
        yield _line(Text(f"{totals_line(self.tree.totals)} · {plain.seconds(self.tree.elapsed_s(now))}"))
        if shown:
            yield node_table(shown, now, options)
        yield from self._rest(shown)

    def _rest(self, shown: Iterable[Row]) -> Iterable[Text]:
        left_out = hidden(self.tree, shown)
        if left_out and shown:
            yield _line(Text(f"and {plain.some(left_out.total(), 'more node')}: {by_status(left_out)}", style="dim"))


class LabelledDrawing(Drawing):
    """The picture, redrawn while it grows, its nodes called by their share of the text."""

    def __init__(self, console: Console, follower: Follower, *, above: int, below: int) -> None:
        self._labelled = WatchedTree()
        view = Picture(tree=self._labelled, now=lambda: follower.time.now(monotonic()), above=above, below=below)
        super().__init__(console, self._labelled, view, stays=True)

    def take(self, told: Told) -> None:
        """Learn from it; it shows with the next picture."""
        super().take(told)
        label(self._labelled, told.event)


def _line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
