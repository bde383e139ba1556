"""Hands the task in, shows its tree until it has ended, and cancels it where nobody waits any longer."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal, TypeAlias

from examples.demo.job import Job
from examples.demo.servers import Place
from rao_runtime.cli.display import Display
from rao_runtime.cli.follow import Follower
from rao_runtime.cli.watching import show
from rao_runtime.client import AsyncClient, ClientError, Limits, StrangeAnswer, Tree

CANCEL_S = 3.0
# What a server allows unless it is told otherwise.
MOST_NODES = 100_000
MOST_TOKENS = 1_000_000_000

Mode: TypeAlias = Literal["recursive", "flat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Solver:
    """One server and one task. `notes` are told to somebody who interrupts."""

    client: AsyncClient
    place: Place
    job: Job
    notes: list[str]

    @asynccontextmanager
    async def submitted(self, mode: Mode) -> AsyncGenerator[Tree, None]:
        """The tree as accepted; cancelled where the context is left before its time. Raises ClientError."""
        tree = await self.client.submit(
            self.job.goal,
            self.job.text,
            mode=mode,
            limits=limits(self.job.lines),
            sampling={"seed": self.job.seed},
        )
        try:
            yield tree
        except ClientError:
            raise
        except BaseException:
            await self._cancel(tree)
            raise

    async def ended(self, tree: Tree, shown_by: Callable[[Follower], Display]) -> Tree:
        """The tree, shown until it has ended. Raises ClientError."""
        follower = Follower(self.client, tree.tree_id)
        found = Tree.read(await show(self.client, tree.tree_id, follower, shown_by(follower)))
        if found is None:
            raise StrangeAnswer(self.place.url)
        return found

    async def _cancel(self, tree: Tree) -> None:
        if not self.place.is_up:
            return
        with suppress(ClientError, TimeoutError):
            async with asyncio.timeout(CANCEL_S):
                await self.client.cancel(tree)
                self.notes.append("the tree was cancelled")


def limits(lines: int) -> Limits:
    """Room enough for a tree that reads so many lines, a few at a time."""
    return {
        "max_nodes": min(MOST_NODES, max(1_000, 2 * lines)),
        "max_tokens": min(MOST_TOKENS, 2_000_000 + 2_000 * lines),
        "max_depth": 8,
    }
