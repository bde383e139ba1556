"""Follows a tree's events over as many connections as it takes."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, cast

from rao_runtime.cli.api import Api
from rao_runtime.cli.errors import Refused, Unreachable
from rao_runtime.cli.server_time import ServerTime, from_http, from_iso
from rao_runtime.cli.sse import Frame, SseReader

ENDS = frozenset({"tree.completed", "tree.failed", "tree.canceled"})
ATTEMPTS = 15  # connections in a row without a byte; half a minute with a server's usual `retry: 2000`
NO_CONTENT = 204
UNAVAILABLE = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Told:
    """An event as a mapping, and the line of JSON it came as."""

    event: Mapping[str, Any]
    line: str

    @property
    def is_end(self) -> bool:
        """Whether it is the tree's terminal event, the last one."""
        return self.event.get("type") in ENDS


class Follower:
    """One tree's events, each once and in order. `time` is what the server's clock says."""

    def __init__(self, api: Api, tree_id: str) -> None:
        self.time = ServerTime()
        self._api = api
        self._tree_id = tree_id
        self._reader = SseReader()
        self._attempts = 1
        self._seq = 0

    @asynccontextmanager
    async def events(self) -> AsyncGenerator[AsyncIterator[Told], None]:
        """All events up to the terminal one. A connection that drops is taken up again where it broke off.

        Raises Refused, and Unreachable once the server has been gone for too long.
        """
        async with aclosing(self._all()) as events:
            yield events

    async def _all(self) -> AsyncGenerator[Told, None]:
        while True:
            try:
                async with aclosing(self._connection()) as events:
                    async for told in events:
                        yield told
                        if told.is_end:
                            return
            except (Refused, Unreachable) as error:
                self._attempts -= 1
                if self._attempts <= 0 or (isinstance(error, Refused) and error.http_status not in UNAVAILABLE):
                    raise
            else:
                return
            await asyncio.sleep(self._reader.retry_s)

    async def _connection(self) -> AsyncGenerator[Told, None]:
        """Events of one connection. It ends where there are none to come, and raises Unreachable where it breaks."""
        async with self._api.events(self._tree_id, self._reader.last_id) as response:
            if response.status_code == NO_CONTENT:
                return
            self._reader.reconnected()
            said_at = from_http(response.headers.get("date"))
            if said_at is not None:
                self.time.heard(said_at, monotonic())
            async for chunk in response.aiter_bytes():
                self._attempts = ATTEMPTS
                for frame in self._reader.feed(chunk):
                    if (told := _told(frame)) is not None and self._is_new(told):
                        yield told
        raise Unreachable(f"{self._api.url} ends its streams before the tree has ended")

    def _is_new(self, told: Told) -> bool:
        said_at, seq = from_iso(told.event.get("ts")), told.event.get("seq")
        if said_at is not None:
            self.time.heard(said_at, monotonic())
        if not isinstance(seq, int):
            return True
        is_new = seq > self._seq
        self._seq = max(self._seq, seq)
        return is_new


def _told(frame: Frame) -> Told | None:
    """The event in a frame; None for anything that is none, since a stream may hold what we do not know."""
    try:
        event: object = json.loads(frame.data)
    except ValueError:
        return None
    return Told(cast("Mapping[str, Any]", event), frame.data) if isinstance(event, dict) else None
