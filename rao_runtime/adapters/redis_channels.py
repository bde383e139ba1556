"""One subscriber's connection for the process: wakes whoever waits for news of a tree.

What is published is only a hint to look; nothing depends on its arrival. Once a channel is subscribed, for the first
time or again after the connection was lost, its listeners are called without a message: they may have missed some.
"""

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeAlias

from rao_runtime.adapters import redis_trouble
from rao_runtime.adapters.redis_url import Address
from rao_runtime.adapters.redis_wire import Arg, Disconnected, Refusal, Wire, connect, pack

log = logging.getLogger(__name__)

Listener: TypeAlias = Callable[[bytes | None], None]

PING_S = 5.0
CONNECT_S = 5.0
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0


class Channels:
    """Use as a context manager. Listening works at any time; messages come while Redis can be reached."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._listeners = dict[bytes, list[Listener]]()
        self._look = asyncio.Event()
        # Not connected, as after a loss.
        self._wire = Wire(self._look.set, self._on_message)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep(), name="redis-channels")
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._wire.abort()

    def listen(self, channel: str, listener: Listener) -> None:
        """Call the listener with each message, and with None when it must look for itself."""
        name = channel.encode()
        listeners = self._listeners.setdefault(name, [])
        listeners.append(listener)
        # Also for a further listener: Redis confirms it again, and so the newcomer is told to look.
        self._send("SUBSCRIBE", name)

    def leave(self, channel: str, listener: Listener) -> None:
        """The end of `listen`."""
        name = channel.encode()
        listeners = self._listeners[name]
        listeners.remove(listener)
        if not listeners:
            del self._listeners[name]
            self._send("UNSUBSCRIBE", name)

    def _send(self, *command: Arg) -> None:
        self._wire.write([pack(command)])

    def _on_message(self, message: list[Any]) -> None:
        match message:
            case [b"message", channel, payload]:
                self._tell(channel, payload)
            case [b"subscribe", channel, _]:
                self._tell(channel, None)
            case _:
                pass

    def _tell(self, channel: bytes, payload: bytes | None) -> None:
        for listener in tuple(self._listeners.get(channel, ())):
            listener(payload)

    async def _keep(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._hold()
                pause_s = FIRST_PAUSE_S
            except (OSError, ValueError, TimeoutError, Disconnected, Refusal) as error:
                log.debug("%s", redis_trouble.of_connecting(self._address, error))
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _hold(self) -> None:
        """Connect, subscribe to everything, and return when the connection is lost or has fallen silent."""
        self._look.clear()
        wire = Wire(self._look.set, self._on_message)
        await connect(self._address, wire, timeout_s=CONNECT_S)
        self._wire = wire
        if self._listeners:
            wire.write([pack(("SUBSCRIBE", *self._listeners))])
        heard = -1
        while wire.is_open and wire.heard != heard:
            heard = wire.heard
            wire.write([pack(("PING",))])
            await self._pause()
        wire.abort()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(PING_S):
                await self._look.wait()
        except TimeoutError:
            return
