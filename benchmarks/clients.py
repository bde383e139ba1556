"""What a benchmark asks of the server and of the stand-in, over HTTP."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import ClientResponse, ClientSession

POLL_S = 0.02
TEXTS: Mapping[str, str] = {"call.completed": "text", "node.output": "output"}
ABORT_S = 30.0

LIMITS: Mapping[str, Any] = {
    "max_depth": 32,
    "max_nodes": 100_000,
    "max_children": 10_000,
    "max_tokens": 1_000_000_000,
    "deadline_s": 600,
}


class Gateway:
    """A client of the server."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def solve(self, goal: str) -> tuple[float, dict[str, Any]]:
        """Seconds until the answer, and the tree. Raises RuntimeError where it did not complete."""
        began_s = time.perf_counter()
        async with self._session.post("/solve", json=_task(goal)) as response:
            tree = await _json(response)
        took_s = time.perf_counter() - began_s
        if tree["status"] != "completed":
            raise RuntimeError(f"{goal!r} is {tree['status']}: {tree['error']}")
        return took_s, tree

    async def submit(self, goal: str, **limits: int) -> str:
        """The id of a tree that goes on by itself."""
        asked = _task(goal, **limits)
        async with self._session.post("/solve", json=asked, headers={"Prefer": "respond-async"}) as response:
            return (await _json(response))["tree_id"]

    async def first_event_s(self, goal: str, *, to_the_end: bool) -> float:
        """Seconds from the request to its first event. Reads on until the tree has ended, or leaves at once."""
        began_s = time.perf_counter()
        async with self._session.post("/solve", json={**_task(goal), "stream": True}) as response:
            response.raise_for_status()
            async for line in response.content:
                if line.startswith(b"event:"):
                    break
            else:
                raise RuntimeError("the stream ended without an event")
            took_s = time.perf_counter() - began_s
            if to_the_end:
                await response.read()
            else:
                response.close()
        return took_s

    async def tree(self, tree_id: str) -> dict[str, Any]:
        """The tree as it stands."""
        async with self._session.get(f"/trees/{tree_id}") as response:
            return await _json(response)

    async def cancel(self, tree_id: str) -> None:
        """Ask for the tree's end."""
        async with self._session.post(f"/trees/{tree_id}/cancel") as response:
            response.raise_for_status()

    async def ended(self, tree_id: str) -> dict[str, Any]:
        """Wait until the tree has ended, however it did."""
        while True:
            tree = await self.tree(tree_id)
            if tree["status"] not in {"submitted", "working"}:
                return tree
            await asyncio.sleep(POLL_S)

    async def text_bytes(self, tree_id: str) -> int:
        """The bytes of what the tree's models wrote and its cells printed, as its events tell them."""
        size = 0
        async with self._session.get(f"/trees/{tree_id}/events") as response:
            async for line in response.content:
                if line.startswith(b"data: "):
                    event = orjson.loads(line[6:])
                    if event["type"] in TEXTS:
                        size += len(event["data"][TEXTS[event["type"]]].encode())
        return size

    async def livez(self) -> None:
        """Ask whether it is alive. Raises ClientResponseError."""
        async with self._session.get("/livez") as response:
            response.raise_for_status()
            await response.read()

    async def ready(self) -> None:
        """Wait until it has seen its replica."""
        while True:
            async with self._session.get("/models") as response:
                if response.ok and b'"stand-in"' in await response.read():
                    return
            await asyncio.sleep(POLL_S)

    async def all_ready(self, replicas: int) -> None:
        """Wait until so many replicas may get calls."""
        while True:
            async with self._session.get("/readyz") as response:
                if response.ok:
                    known = (await response.json())["replicas"]
                    if sum(replica["why"] is None for replica in known) == replicas:
                        return
            await asyncio.sleep(POLL_S)


class Ledger:
    """A client of the stand-in's record of what really happened."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def summary(self) -> dict[str, Any]:
        """Counts of now and in sum."""
        async with self._session.get("/ledger", params={"entries": "0"}) as response:
            return await _json(response)

    async def entries(self) -> list[dict[str, Any]]:
        """Every request since the last reset, in order of arrival."""
        async with self._session.get("/ledger") as response:
            return (await _json(response))["entries"]

    async def running(self, wanted: int) -> None:
        """Wait until so many requests are being answered."""
        while True:
            if (await self.summary())["running"] == wanted:
                return
            await asyncio.sleep(POLL_S)

    async def cut_off(self, calls: int) -> float:
        """When the last of so many calls was cut off by its client, in seconds of `time.monotonic`.

        Raises RuntimeError where it were fewer.
        """
        async with asyncio.timeout(ABORT_S):
            await self.running(0)
        aborted = [entry["ended_s"] for entry in await self.entries() if entry["outcome"] == "abort"]
        if len(aborted) < calls:
            raise RuntimeError(f"{len(aborted)} calls were cut off instead of {calls}")
        return max(aborted)

    async def reset(self) -> None:
        """Forget what has ended."""
        async with self._session.post("/ledger/reset") as response:
            response.raise_for_status()

    async def set(self, **settings: float) -> None:
        """Change the stand-in's settings for the requests to come."""
        async with self._session.post("/control", json=settings) as response:
            response.raise_for_status()


def _task(goal: str, **limits: int) -> dict[str, Any]:
    return {"goal": goal, "mode": "recursive", "limits": {**LIMITS, **limits}}


async def _json(response: ClientResponse) -> dict[str, Any]:
    if not response.ok:
        raise RuntimeError(f"{response.method} {response.url.path}: {response.status} {await response.text()}")
    return await response.json()
