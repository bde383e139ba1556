"""Follows a tree's events for somebody who looks on, and learns from them what the server's clock says."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

from rao_runtime.cli.server_time import ServerTime, from_http, from_iso
from rao_runtime.client import AsyncClient, AsyncEventStream


@dataclass(frozen=True, slots=True)
class Told:
    """An event as a mapping, and the line of JSON it came as."""

    event: Mapping[str, Any]
    line: str
    is_end: bool


class Follower:
    """One tree's events, each once and in order. `time` is what the server's clock says."""

    def __init__(self, client: AsyncClient, tree_id: str) -> None:
        self.time = ServerTime()
        self._client = client
        self._tree_id = tree_id

    @asynccontextmanager
    async def events(self) -> AsyncGenerator[AsyncIterator[Told], None]:
        """All events up to the terminal one, over as many connections as it takes. Raises ClientError."""
        async with self._client.stream(self._tree_id) as stream, aclosing(self._all(stream)) as told:
            yield told

    async def _all(self, stream: AsyncEventStream) -> AsyncGenerator[Told, None]:
        async for event in stream:
            self._hear(from_http(stream.headers.get("date")))
            self._hear(from_iso(event.ts))
            yield Told(event.raw, event.line, event.is_end)

    def _hear(self, said_at: float | None) -> None:
        if said_at is not None:
            self.time.heard(said_at, monotonic())
