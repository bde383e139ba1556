"""A gateway on the real engine, with a stand-in replica behind it: for every test that speaks HTTP to the app."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import orjson
from anyio.lowlevel import checkpoint

from rao_runtime.bootstrap import open_runtime
from rao_runtime.config import Settings
from rao_runtime.engine.runtime import Runtime
from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.request import ChatRequest
from rao_runtime.standin.script import Reply, RuleScript
from rao_runtime.standin.server import StandIn
from rao_runtime.standin.view import View
from server.app import GatewayApp, create_app
from server.gateway import StreamTimes
from server.serving import GatewayServer

ENDS = {"tree.completed", "tree.failed", "tree.canceled"}
SPLIT = """import asyncio
parts = await asyncio.gather(*[launch_subagent(goal) for goal in {goals!r}])
finish([part if not isinstance(part, Failed) else part.reason for part in parts])"""
CELLS = {
    "ANSWER": "finish(42)",
    "VALUE": r"finish({'a': [1.5, None, True, '\u2028 \n', 2 ** 63 - 1]})",
    "GIVE UP": "fail('impossible', 'it cannot be done')",
    "SPLIT": SPLIT.format(goals=["ANSWER", "SPLIT AGAIN"]),
    "SPLIT AGAIN": SPLIT.format(goals=["ANSWER", "ANSWER"]),
    "HALF STUCK": SPLIT.format(goals=["ANSWER", "STUCK"]),
}
QUICK = StreamTimes(ping_s=15, send_s=5)


def rule(request: ChatRequest) -> Reply:
    """What the replica writes: the cell of the goal's name; STUCK never comes back; any other goal is answered 42."""
    view = View.of(request)
    goal = view.goal.strip()
    if goal == "STUCK":
        return Reply(fault="hang")
    return Reply(text=view.action("I think " * 40, CELLS.get(goal, CELLS["ANSWER"])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One server-sent event, or a comment."""

    id: str | None
    event: str | None
    data: Any
    text: str

    @classmethod
    def read(cls, text: str) -> "Frame":
        """One frame without the empty line after it."""
        fields = dict(line.split(": ", 1) for line in text.split("\n"))
        data = fields.get("data")
        return cls(
            id=fields.get("id"), event=fields.get("event"), data=None if data is None else orjson.loads(data), text=text
        )


def frames(body: str) -> list[Frame]:
    """All frames of a stream that ended."""
    assert body.endswith("\n\n")
    return [Frame.read(text) for text in body[:-2].split("\n\n")]


async def live(answer: httpx.Response) -> AsyncGenerator[Frame, None]:
    """The frames of a stream as they come."""
    lines = list[str]()
    async for line in answer.aiter_lines():
        if line:
            lines.append(line)
        else:
            yield Frame.read("\n".join(lines))
            lines.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """An open gateway. `http` reaches the app without a socket, and reads an answer whole."""

    settings: Settings
    stand_in: StandIn
    runtime: Runtime
    app: GatewayApp
    http: httpx.AsyncClient

    async def solve(self, goal: str, **fields: object) -> httpx.Response:
        """`POST /solve`."""
        return await self.http.post("/solve", json={"goal": goal, **fields})

    async def begin(self, goal: str, **fields: object) -> str:
        """Submit and do not wait; returns the tree's id."""
        answer = await self.http.post("/solve", json={"goal": goal, **fields}, headers={"Prefer": "respond-async"})
        assert answer.status_code == 202
        return answer.json()["tree_id"]

    async def end(self, tree_id: str) -> dict[str, Any]:
        """The tree once it has ended."""
        tree = await self.runtime.wait(tree_id, timeout_s=30)
        assert tree is not None
        return tree

    async def events(self, tree_id: str, **query: object) -> list[Frame]:
        """The stream of an ended tree, retry line aside."""
        answer = await self.http.get(f"/trees/{tree_id}/events", params={k: str(v) for k, v in query.items()})
        assert answer.status_code == 200, answer.text
        first, *rest = frames(answer.text)
        assert first.text == "retry: 2000"
        return rest

    async def until(self, path: str, holds: Callable[[httpx.Response], bool]) -> httpx.Response:
        """Ask until the answer is as wanted: what follows from a tree's end may come a moment after it."""
        while not holds(answer := await self.http.get(path)):
            # Without a socket between them, a request may run through without letting anybody else run.
            await checkpoint()
        return answer

    async def stuck(self) -> str:
        """A tree whose call has reached the replica and stays there."""
        before = self.stand_in.ledger.running
        tree_id = await self.begin("STUCK")
        await self.stand_in.ledger.until(lambda ledger: ledger.running > before)
        return tree_id


@asynccontextmanager
async def world(
    *, times: StreamTimes = QUICK, environ: Mapping[str, str] = os.environ, **changes: object
) -> AsyncGenerator[World, None]:
    """A gateway with these settings changed; OpenTelemetry's own are in `environ`."""
    async with asyncio.timeout(100), StandIn(StandInConfig(), RuleScript(rule)) as stand_in:
        settings = replace(settings_for(stand_in.url), **_any(changes))
        async with open_runtime(settings, environ) as runtime:
            app = create_app(settings, runtime, times=times)
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=30) as http:
                yield World(settings=settings, stand_in=stand_in, runtime=runtime, app=app, http=http)


@asynccontextmanager
async def served(app: GatewayApp, settings: Settings) -> AsyncGenerator[tuple[GatewayServer, httpx.AsyncClient], None]:
    """The app on a port of its own, and a client of it."""
    ready = asyncio.Event()
    server = GatewayServer(app, settings, on_ready=lambda _: ready.set())
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        await ready.wait()
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
            yield server, http
        server.should_exit = True


def settings_for(replica: str) -> Settings:
    """Small settings for one replica."""
    known: dict[str, Any] = {"redis_url": "memory://", "host": "127.0.0.1", "port": 0, "sandbox_workers": 1}
    # The replica's ledger is to hold nothing but what trees asked.
    return replace(Settings(), replicas=(replica,), prime=False, **known)


def _any(changes: Mapping[str, object]) -> dict[str, Any]:
    return dict(changes)
