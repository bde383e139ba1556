"""A client of the stand-in's own, so that its tests do not lean on the runtime's adapter."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import ClientSession

from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.script import RuleScript, Script
from rao_runtime.standin.server import StandIn

CHAT = "/v1/chat/completions"
ASKED: Mapping[str, Any] = {"model": "stand-in", "messages": [{"role": "user", "content": "Say it."}]}
USAGE: Mapping[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
SAYS = "One two three four five six seven eight nine ten."


@dataclass(frozen=True, slots=True)
class Streamed:
    """A stream that was read to its end."""

    status: int
    body: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events but the end mark."""
        lines = [line.removeprefix(b"data: ") for line in self.body.split(b"\n\n") if line]
        return [orjson.loads(line) for line in lines if line != b"[DONE]"]

    @property
    def done(self) -> bool:
        """Whether the end mark came last."""
        return self.body.endswith(b"data: [DONE]\n\n")

    @property
    def choices(self) -> list[dict[str, Any]]:
        """The choices of all chunks that have one."""
        return [event["choices"][0] for event in self.events if event.get("choices")]

    @property
    def texts(self) -> list[str]:
        """The text of each chunk."""
        return [choice["delta"].get("content", "") for choice in self.choices]

    @property
    def text(self) -> str:
        """The completion."""
        return "".join(self.texts)

    @property
    def finish_reason(self) -> str | None:
        """The last chunk's."""
        return self.choices[-1]["finish_reason"]

    @property
    def usage(self) -> dict[str, Any] | None:
        """That of the chunk without a choice."""
        return next((event["usage"] for event in self.events if event.get("choices") == []), None)


class Client:
    """Asks one stand-in."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def stream(self, fields: Mapping[str, Any] | None = None, *, request_id: str = "r") -> Streamed:
        """A streamed completion with usage, read to its end."""
        asked = {**ASKED, **USAGE, **(fields or {})}
        async with self._session.post(CHAT, json=asked, headers={"X-Request-Id": request_id}) as response:
            return Streamed(response.status, await response.read())

    async def post(self, path: str, fields: object, *, request_id: str = "r") -> tuple[int, Any]:
        """Status and JSON of a post."""
        async with self._session.post(path, json=fields, headers={"X-Request-Id": request_id}) as response:
            return response.status, orjson.loads(await response.read())

    async def ask(self, fields: Mapping[str, Any] | None = None, *, request_id: str = "r") -> tuple[int, Any]:
        """Status and JSON of a completion that is not streamed."""
        return await self.post(CHAT, {**ASKED, **(fields or {})}, request_id=request_id)

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        async with self._session.get(path) as response:
            return response.status, await response.read()


@asynccontextmanager
async def standing(
    config: StandInConfig | None = None, script: Script | None = None
) -> AsyncGenerator[tuple[StandIn, Client]]:
    """A stand-in that says one sentence, if nothing else, and a client of it."""
    said = script or RuleScript(lambda _: SAYS)
    async with StandIn(config or StandInConfig(), said) as stand_in, ClientSession(stand_in.url) as session:
        yield stand_in, Client(session)
