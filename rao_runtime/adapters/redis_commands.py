"""The owner's reading of a tree's commands."""

import asyncio
from collections.abc import Callable
from typing import Self

from rao_runtime.adapters import redis_journal_scripts as scripts
from rao_runtime.adapters.redis_channels import Channels
from rao_runtime.adapters.redis_events import decode_command
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.adapters.redis_owner import Owner
from rao_runtime.ports import Command

# A claim by somebody else is told at once; should the message be lost, the owner finds out this much later.
LOOK_S = 10.0


class Commands:
    """Commands in order, one at a time. Ends when the claim is not the tree's last one any more, or the tree is gone.

    It listens at the owner's channel until `end`, and calls `on_lost` when somebody else has claimed the tree.
    """

    def __init__(self, link: RedisLink, channels: Channels, owner: Owner, on_lost: Callable[[Owner], None]) -> None:
        self._link = link
        self._channels = channels
        self._owner = owner
        self._on_lost = on_lost
        self._acted_on: bytes | None = None
        self._ended = False
        self._news = asyncio.Event()
        channels.listen(owner.keys.owner, self._hear)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Command:
        while not self._ended:
            self._news.clear()
            command = await self._next()
            if command is not None:
                return command
            await self._pause()
        raise StopAsyncIteration

    def end(self) -> None:
        """Somebody else reads from now on, or nobody."""
        if not self._ended:
            self._ended = True
            self._channels.leave(self._owner.keys.owner, self._hear)
            self._news.set()

    async def _next(self) -> Command | None:
        keys = self._owner.keys
        args = (self._owner.token, self._acted_on or b"")
        entries = await self._link.run(scripts.NEXT_COMMAND, [keys.meta, keys.commands], args, patient=True)
        self._acted_on = None
        if entries is None:
            self._on_lost(self._owner)
            self.end()
        if self._ended or not entries:
            return None
        self._acted_on, fields = entries[0]
        return decode_command(fields)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self._news.wait()
        except TimeoutError:
            return

    def _hear(self, message: bytes | None) -> None:
        match (message or b"").split():
            case [b"watch"]:
                self._owner.watched()
            case [b"claimed", fence] if int(fence) > self._owner.fence:
                self._on_lost(self._owner)
                self.end()
            case _:
                self._news.set()
