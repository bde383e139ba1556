"""Speaks to a gateway over HTTP as a client would."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.contract.world import Frame, frames, live


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway whose replica is a real vLLM."""

    http: httpx.AsyncClient

    async def begin(self, model: str, goal: str, **fields: object) -> str:
        """Submit and do not wait; returns the tree's id."""
        body = {"model": model, "goal": goal, **fields}
        answer = await self.http.post("/solve", json=body, headers={"Prefer": "respond-async"})
        assert answer.status_code == 202, answer.text
        return answer.json()["tree_id"]

    async def solve(self, model: str, goal: str, **fields: object) -> dict[str, Any]:
        """Submit, and wait for the tree's end."""
        return await self.end(await self.begin(model, goal, **fields))

    async def end(self, tree_id: str) -> dict[str, Any]:
        """The tree once it has ended."""
        (*_, last) = await self.events(tree_id)
        return last.data["data"]

    async def events(self, tree_id: str) -> list[Frame]:
        """All events of a tree, once it has ended."""
        answer = await self.http.get(f"/trees/{tree_id}/events", timeout=None)
        assert answer.status_code == 200, answer.text
        return [frame for frame in frames(answer.text) if frame.event]

    @asynccontextmanager
    async def watch(self, tree_id: str) -> AsyncGenerator[AsyncGenerator[Frame]]:
        """A tree's events and deltas as they come."""
        path = f"/trees/{tree_id}/events?deltas=true"
        async with self.http.stream("GET", path, timeout=None) as answer, aclosing(live(answer)) as events:
            yield events

    async def written(self, tree_id: str, *, nodes: int = 1, chars: int = 1) -> None:
        """Return once so many of the tree's nodes have each written so much text."""
        seen = dict[str, int]()
        async with self.watch(tree_id) as events:
            async for frame in events:
                if frame.event == "node.delta":
                    node_id: str = frame.data["node_id"]
                    seen[node_id] = seen.get(node_id, 0) + len(frame.data["data"]["text"])
                if sum(length >= chars for length in seen.values()) >= nodes:
                    return

    async def cancel(self, tree_id: str) -> None:
        """Ask for the tree's end."""
        answer = await self.http.post(f"/trees/{tree_id}/cancel")
        assert answer.status_code == 202, answer.text

    async def replica(self) -> dict[str, Any]:
        """What `/readyz` tells of the one replica."""
        answer = await self.http.get("/readyz")
        assert answer.status_code == 200, answer.text
        return answer.json()["replicas"][0]
