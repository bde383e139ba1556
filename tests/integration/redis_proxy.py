"""A bad network in front of a Redis: it loses replies, or falls silent."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Proxy:
    """Passes everything on, until it is told otherwise. It listens on a TCP port that the system chose."""

    def __init__(self, server: str) -> None:
        self._server = server
        self.url = ""
        self.lost = asyncio.Event()
        self.chunks = list[bytes]()
        self._lose = b""
        self._connections = set[asyncio.StreamWriter]()
        self._silent = asyncio.Event()
        self._silent.set()

    def lose_reply_to(self, part: bytes) -> None:
        """Let the next request with these bytes reach the server, and when its reply comes hang up instead."""
        self.lost.clear()
        self._lose = part

    def fall_silent(self) -> None:
        """Hold everything back, in both directions, on connections that stay open."""
        self._silent.clear()

    def speak(self) -> None:
        """The end of `fall_silent`."""
        self._silent.set()

    def hang_up(self) -> None:
        """End all connections."""
        for writer in self._connections:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        losing = asyncio.Event()
        self._connections.add(writer)
        try:
            there_reader, there_writer = await asyncio.open_unix_connection(self._server)
            requests = asyncio.create_task(self._requests(reader, there_writer, losing))
            try:
                await self._replies(there_reader, writer, losing)
            finally:
                requests.cancel()
                await asyncio.wait([requests])
                there_writer.close()
        except OSError:
            pass
        finally:
            self._connections.remove(writer)
            writer.close()

    async def _requests(self, reader: asyncio.StreamReader, there: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        try:
            while data := await reader.read(1 << 16):
                await self._silent.wait()
                self.chunks.append(data)
                if self._lose and self._lose in data:
                    self._lose = b""
                    losing.set()
                there.write(data)
        except OSError:
            pass
        there.close()

    async def _replies(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        while data := await there.read(1 << 16):
            await self._silent.wait()
            if losing.is_set():
                self.lost.set()
                return
            writer.write(data)


@asynccontextmanager
async def proxy(server: str) -> AsyncGenerator[Proxy]:
    """A proxy for the server at this socket."""
    made = Proxy(server)
    async with asyncio.TaskGroup() as group:
        serving = list[asyncio.Task[None]]()

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            serving.append(group.create_task(made.serve(reader, writer)))

        listening = await asyncio.start_server(begin, "127.0.0.1", 0)
        made.url = "redis://{}:{}".format(*listening.sockets[0].getsockname())
        try:
            yield made
        finally:
            listening.close()
            for task in serving:
                task.cancel()
