"""Shows a tree while it grows: drawn on a terminal, told in a line, or as JSON lines."""

import asyncio
from collections.abc import Iterator
from time import monotonic
from typing import Protocol

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from rao_runtime.cli import plain
from rao_runtime.cli.follow import Follower, Told
from rao_runtime.cli.live_view import SEPARATOR, LiveView, Now
from rao_runtime.cli.terminal import print_line
from rao_runtime.cli.watched import WatchedTree

REFRESH_S = 0.125
SPINNER_CHARS = 2
LEAST_CHARS = 20


class Display(Protocol):
    """Is told every event, and may draw from time to time."""

    def take(self, told: Told) -> None:
        """One event."""
        ...

    async def draw(self) -> None:
        """Runs beside the events until it is cancelled."""
        ...


class JsonLines:
    """Every event as it came, one line each."""

    def take(self, told: Told) -> None:
        """Print it at once, so that a reader of the pipe sees it."""
        print_line(told.line)

    async def draw(self) -> None:
        """Nothing to draw."""


class Drawing:
    """A live view of the tree, redrawn eight times a second. `stays`: the last picture is left on the terminal."""

    def __init__(self, console: Console, tree: WatchedTree, view: RenderableType, *, stays: bool) -> None:
        self._live = Live(view, console=console, auto_refresh=False, transient=not stays)
        self._tree = tree

    def take(self, told: Told) -> None:
        """Learn from it; it shows with the next picture."""
        self._tree.apply(told.event)

    async def draw(self) -> None:
        """Take the terminal, and give it back however it ends."""
        with self._live:
            while True:
                self._live.refresh()
                await asyncio.sleep(REFRESH_S)


class OneLine:
    """A spinner with the tree in numbers, for those who did not ask to watch."""

    def __init__(self, tree: WatchedTree, now: Now) -> None:
        self._tree = tree
        self._now = now
        self._spinner = Spinner("line")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        told = plain.one_line(SEPARATOR.join(self._parts()), max(LEAST_CHARS, options.max_width - SPINNER_CHARS))
        self._spinner.update(text=Text(told, no_wrap=True))
        yield self._spinner

    def _parts(self) -> Iterator[str]:
        tree, totals = self._tree, self._tree.totals
        yield tree.status
        yield plain.seconds(tree.elapsed_s(self._now()))
        if tree.nodes:
            yield f"{plain.some(len(tree.nodes), 'node')}, {tree.ended.total():,} ended"
        yield f"{plain.count(totals.input_tokens + totals.output_tokens)} tokens"
        if totals.cost is not None:
            yield plain.money(totals.cost)


def live(console: Console, follower: Follower) -> Display:
    """The whole tree."""
    tree = WatchedTree()
    return Drawing(console, tree, LiveView(tree, _now(follower)), stays=True)


def one_line(console: Console, follower: Follower) -> Display:
    """The tree in numbers."""
    tree = WatchedTree()
    return Drawing(console, tree, OneLine(tree, _now(follower)), stays=False)


def _now(follower: Follower) -> Now:
    return lambda: follower.time.now(monotonic())
