"""A server that says exactly what a test wrote down, a connection each; and a proxy that breaks connections."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import orjson

from tests.integration.raw_server import Asked, answer, read_request

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


@dataclass(frozen=True, slots=True)
class Turn:
    """What one connection is sent, and whether it then stays open, silent."""

    data: bytes
    holds: bool = False


@dataclass(slots=True)
class Turns:
    """The server's URL, and the requests so far."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list[Asked])


@asynccontextmanager
async def turns(*script: Turn | bytes) -> AsyncGenerator[Turns, None]:
    """Takes one turn for each connection, the last one again and again."""
    server = Turns()
    whole = [turn if isinstance(turn, Turn) else Turn(turn) for turn in script]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await read_request(reader)
        if asked is not None:
            server.asked.append(asked)
            turn = whole[min(len(server.asked), len(whole)) - 1]
            writer.write(turn.data)
            await writer.drain()
            if turn.holds:
                await reader.read()

    async with listening(serve) as server.url:
        yield server


@asynccontextmanager
async def listening(serve: Serve) -> AsyncGenerator[str, None]:
    """The URL of a server that handles its connections like this; none of them outlives it."""
    tasks = list[asyncio.Task[None]]()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async with asyncio.TaskGroup() as group:
        listener = await asyncio.start_server(
            lambda reader, writer: tasks.append(group.create_task(handle(reader, writer))), "127.0.0.1", 0
        )
        async with listener:
            yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        for task in tasks:
            task.cancel()


def tree(status: str, **more: object) -> bytes:
    """An answer with a tree."""
    return answer("200 OK", orjson.dumps({"tree_id": "t", "status": status, **more}), "connection: close")


def page(status: str) -> bytes:
    """What a proxy says when it cannot reach the server."""
    return answer(status, b"<html><h1>Sorry</h1></html>", "content-type: text/html", "connection: close")


@asynccontextmanager
async def proxy(target: str, *shares: int) -> AsyncGenerator[str, None]:
    """Hands bytes on to `target` and back; on the first connections no more of them back than their shares."""
    host, port = target.removeprefix("http://").split(":")
    left = list(shares)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        share = left.pop(0) if left else None
        behind, to_behind = await asyncio.open_connection(host, int(port))
        try:
            async with asyncio.TaskGroup() as group:
                upward = group.create_task(_copy(reader, to_behind, None))
                # A client that has left shall not be waited for by the server behind.
                upward.add_done_callback(lambda _: to_behind.close())
                await _copy(behind, writer, share)
                upward.cancel()
        finally:
            writer.transport.abort()
            to_behind.close()
            with suppress(ConnectionError):
                await to_behind.wait_closed()

    async with listening(serve) as url:
        yield url


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter, share: int | None) -> None:
    """Until the source ends or the share is used up: the byte after it is waited for, and lost."""
    try:
        while data := await source.read(1 << 16):
            if share is not None and len(data) > share:
                sink.write(data[:share])
                await sink.drain()
                return
            share = None if share is None else share - len(data)
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        return
