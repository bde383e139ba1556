"""Lets one test call both clients: the sync one in a thread, since the server runs in the test's loop."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from rao_runtime.client import AsyncClient, Client, Event

KINDS = ("sync", "async")


@dataclass(frozen=True, slots=True)
class Caller:
    """A client of either kind."""

    client: Client | AsyncClient

    async def __call__(self, method: str, *args: object, **options: object) -> Any:  # noqa: ANN401 - as the method says
        """Call a method of the client."""
        call = getattr(self.client, method)
        if isinstance(self.client, Client):
            return await asyncio.to_thread(call, *args, **options)
        return await call(*args, **options)

    async def events(self, tree: str, *, after: int = 0, deltas: bool = False) -> list[Event]:
        """All events of a tree."""
        if isinstance(self.client, AsyncClient):
            return [event async for event in self.client.stream(tree, after=after, deltas=deltas)]
        return await asyncio.to_thread(list, self.client.stream(tree, after=after, deltas=deltas))


@asynccontextmanager
async def calling(kind: str, url: str, **options: Any) -> AsyncGenerator[Caller, None]:  # noqa: ANN401 - the client's
    """A client of this kind, with these options."""
    if kind == "sync":
        with Client(url, **options) as client:
            yield Caller(client)
    else:
        async with AsyncClient(url, **options) as client:
            yield Caller(client)
