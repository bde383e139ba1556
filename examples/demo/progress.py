"""The tree where nobody draws: a line of numbers every other second."""

import asyncio
from time import monotonic

from rao_runtime.cli import plain
from rao_runtime.cli.follow import Follower, Told
from rao_runtime.cli.live_view import counts_line
from rao_runtime.cli.terminal import print_line
from rao_runtime.cli.watched import WatchedTree

EVERY_S = 2.0


class Progress:
    """Tells of the tree in plain lines, each after its `name`."""

    def __init__(self, name: str, follower: Follower) -> None:
        self._name = name
        self._follower = follower
        self._tree = WatchedTree()

    def take(self, told: Told) -> None:
        """Learn from it; it is told with the next line, the end at once."""
        self._tree.apply(told.event)
        if told.is_end:
            self._tell()

    async def draw(self) -> None:
        """Runs beside the events until it is cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            self._tell()

    def _tell(self) -> None:
        elapsed_s = self._tree.elapsed_s(self._follower.time.now(monotonic()))
        print_line(f"{self._name:9}  {plain.seconds(elapsed_s):>8}  {counts_line(self._tree)}")
