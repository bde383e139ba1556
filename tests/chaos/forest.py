"""Trees in flight: submitted, followed and replaced, until it is enough."""

import asyncio
import random
from dataclasses import dataclass

from aiohttp import ClientError, ClientSession

from tests.chaos.follower import NOT_NOW, Follower
from tests.chaos.host import Host
from tests.chaos.scenario import Scenario, TreePlan
from tests.chaos.waits import within

AGAIN_S = 0.03


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree that was submitted, and who follows it."""

    plan: TreePlan
    follower: Follower

    @property
    def tree_id(self) -> str:
        """Its id."""
        return self.follower.tree_id


class Forest:
    """All trees of a run."""

    def __init__(self, session: ClientSession, host: Host, scenario: Scenario) -> None:
        self.trees = list[Tree]()
        self.enough = asyncio.Event()
        self._session = session
        self._host = host
        self._scenario = scenario
        self._next = 0

    @property
    def in_flight(self) -> int:
        """Trees that have not ended yet, as far as their followers know."""
        return sum(not tree.follower.has_ended for tree in self.trees)

    def unfinished(self) -> list[str]:
        """The trees in flight, for a human: how far each has come."""
        return [
            f"tree {tree.tree_id} ({tree.plan.goal}) is at {len(tree.follower.seen)}: "
            f"{[sent.type for sent in tree.follower.seen[-3:]]}"
            for tree in self.trees
            if not tree.follower.has_ended
        ]

    async def grow(self) -> None:
        """Keep `width` trees in flight until there is enough; return once the last one has ended."""
        async with asyncio.TaskGroup() as lanes:
            for _ in range(self._scenario.width):
                lanes.create_task(self._lane())

    async def listed(self) -> list[str]:
        """The ids of all trees that the server knows; fewer than a page holds."""
        async with self._session.get("/trees", params={"limit": "100"}) as response:
            page = await response.json()
        assert not page["has_more"]
        return [tree["tree_id"] for tree in page["data"]]

    async def _lane(self) -> None:
        while not self.enough.is_set():
            index, self._next = self._next, self._next + 1
            plan = self._scenario.tree(index)
            key = f"{self._scenario.seed}-{index}"
            tree_id = await submit(self._session, self._host, plan, key)
            follower = Follower(self._session, self._host, tree_id, draw=random.Random(key))
            self.trees.append(Tree(plan, follower))
            await follower.run()


async def submit(session: ClientSession, host: Host, plan: TreePlan, key: str) -> str:
    """Hand a task in until somebody takes it; the id of the one tree that it becomes."""
    headers = {"Prefer": "respond-async", "Idempotency-Key": key}
    while True:
        await host.up.wait()
        try:
            async with session.post("/solve", json=plan.body(), headers=headers) as response:
                if response.status not in NOT_NOW:
                    told = await response.json()
                    assert response.status in {200, 202}, told
                    return told["tree_id"]
        except (ClientError, OSError, TimeoutError):
            pass
        await within(AGAIN_S, host.down.wait())
