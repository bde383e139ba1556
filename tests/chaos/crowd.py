"""Fifty who follow the same few trees, each in their own way."""

import asyncio
import random
from collections.abc import Sequence

from rao_runtime.client import AsyncClient
from tests.chaos.follower import STEADY, Follower, Habits
from tests.chaos.library_follower import LibraryFollower
from tests.chaos.world import World

RAW = 42
WITH_LIBRARY = 8
PATIENCE_S = 60.0
HABITS = (
    STEADY,
    Habits(drops_after=3),
    Habits(drops_after=30),
    Habits(drops_after=40, bytes_at_once=700),
    Habits(bytes_at_once=4_000, pause_s=0.05),
    Habits(drops_after=15, bytes_at_once=3_000, pause_s=0.03),
)


class Crowd:
    """All of them, spread over these trees."""

    def __init__(self, around: World, client: AsyncClient, tree_ids: Sequence[str], seed: int) -> None:
        draw = random.Random(f"crowd/{seed}")
        self.raw = [
            Follower(
                around.session,
                around.host,
                tree_ids[index % len(tree_ids)],
                draw=random.Random(draw.random()),
                habits=HABITS[index % len(HABITS)],
            )
            for index in range(RAW)
        ]
        self.with_library = [
            LibraryFollower(client, tree_ids[index % len(tree_ids)], draw=random.Random(draw.random()))
            for index in range(WITH_LIBRARY)
        ]

    async def run(self) -> None:
        """Let them all follow to the end. Raises AssertionError where one was told something wrong."""
        async with asyncio.TaskGroup() as group:
            for follower in [*self.raw, *self.with_library]:
                group.create_task(follower.run())

    def faults(self) -> list[str]:
        """Who was told something else than the first one who followed the same tree."""
        first = {follower.tree_id: follower for follower in reversed(self.raw)}
        faults = [
            f"raw follower {index} of tree {follower.tree_id}"
            for index, follower in enumerate(self.raw)
            if follower.seen != first[follower.tree_id].seen
        ]
        return faults + [
            f"library follower {index} of tree {follower.tree_id}"
            for index, follower in enumerate(self.with_library)
            if not follower.tells_the_same_as(first[follower.tree_id].seen)
        ]
