"""One connection to Redis: commands go out in order, replies come back in order, many at once.

Below redis-py's client, on its parser (hiredis): the client awaits each command's reply in turn and repeats writes on
its own, and costs several times as much CPU a command.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias, cast

import hiredis

from rao_runtime.adapters.redis_url import Address
from rao_runtime.core.errors import JournalError

Arg: TypeAlias = bytes | str | int | float
# What a reply is depends on the command; whoever sent it knows.
Reply: TypeAlias = Any
OnMessage: TypeAlias = Callable[[list[Any]], None]

_MISSING = object()


class Refusal(JournalError):
    """An error that Redis answered with; `code` is its first word."""

    @property
    def code(self) -> str:
        """`OOM`, `NOSCRIPT`, `ERR`..."""
        return str(self).partition(" ")[0]


class Disconnected(Exception):
    """There is no connection, or it was lost before the reply came: whether the command was run nobody knows."""


class NotRedis(Exception):
    """What answers does not speak Redis's protocol."""


def pack(command: Sequence[Arg]) -> bytes:
    """A command as it is sent."""
    return cast("bytes", hiredis.pack_command(tuple(command)))  # pyright: ignore[reportArgumentType, reportUnknownMemberType] - its stub


class Wire(asyncio.Protocol):
    """The connection. Made by `connect`; ends for good when it is lost.

    With `on_message` it is a subscriber's: everything that arrives after the greeting goes there.
    """

    def __init__(self, on_lost: Callable[[], None], on_message: OnMessage | None = None) -> None:
        self._on_lost = on_lost
        self._on_message = on_message
        self._transport: asyncio.Transport | None = None
        self._reader = hiredis.Reader(protocolError=NotRedis, replyError=Refusal, notEnoughData=_MISSING)
        self._waiting = deque[asyncio.Future[Reply] | None]()
        self.heard = 0

    @property
    def is_open(self) -> bool:
        """Whether commands can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def unanswered(self) -> int:
        """Commands whose reply has not come."""
        return len(self._waiting)

    def write(self, packed: Iterable[bytes], replies: Iterable[asyncio.Future[Reply] | None] = ()) -> None:
        """Send commands; each reply goes to the future beside it, None where nobody asks.

        Where the connection is lost, or is lost before the reply comes, the future gets Disconnected.
        """
        self._waiting.extend(replies)
        if self._transport is None:
            self._give_up()
        else:
            self._transport.write(b"".join(packed))

    async def greet(self, commands: Sequence[Sequence[Arg]]) -> list[Reply]:
        """Run the commands that start a connection; their replies. Raises Refusal, Disconnected."""
        loop = asyncio.get_running_loop()
        replies = [loop.create_future() for _ in commands]
        self.write([pack(command) for command in commands], replies)
        answers = await asyncio.gather(*replies)
        for answer in answers:
            if isinstance(answer, Refusal):
                raise answer
        return answers

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self.heard += len(data)
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not _MISSING:
                self._hand_out(reply)
        except NotRedis:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Called by the loop."""
        self._transport = None
        self._give_up()
        self._on_lost()

    def _give_up(self) -> None:
        waiting, self._waiting = self._waiting, deque[asyncio.Future[Reply] | None]()
        for future in waiting:
            if future is not None and not future.done():
                future.set_exception(Disconnected("the connection was lost"))

    def _hand_out(self, reply: object) -> None:
        if self._waiting:
            future = self._waiting.popleft()
            # Whoever was cancelled meanwhile no longer waits for its reply.
            if future is not None and not future.done():
                future.set_result(reply)
        elif self._on_message is not None and isinstance(reply, list):
            self._on_message(cast("list[Any]", reply))


async def connect(address: Address, wire: Wire, *, timeout_s: float) -> None:
    """Connect and log on. Raises OSError, ValueError (a bad host), TimeoutError, Disconnected, or Refusal."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            if address.path is not None:
                await loop.create_unix_connection(lambda: wire, address.path)
            else:
                await loop.create_connection(lambda: wire, address.host, address.port, ssl=address.tls)
            await wire.greet([*address.greeting(), ("PING",)])
    except BaseException:
        wire.abort()
        raise
