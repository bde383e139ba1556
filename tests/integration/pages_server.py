"""A server of fixed pages that keeps its connections, and notes what it was asked."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.integration.raw_server import Asked, answer, read_request

NOT_FOUND = answer("404 Not Found", b'{"detail":"Not Found"}')
HANGS = b""


def page(body: bytes | str) -> bytes:
    """A page that is there."""
    return answer("200 OK", body if isinstance(body, bytes) else body.encode())


@dataclass(slots=True, eq=False)
class PagesServer:
    """`pages` are whole responses by path and query, and may be changed; HANGS is never answered."""

    url: str = ""
    pages: dict[str, bytes] = field(default_factory=dict[str, bytes])
    asked: list[Asked] = field(default_factory=list[Asked])
    connections: int = 0

    @property
    def paths(self) -> list[str]:
        """What it was asked for, in order."""
        return [asked.line.split()[1] for asked in self.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests until it ends."""
        self.connections += 1
        try:
            while (asked := await read_request(reader)) is not None:
                self.asked.append(asked)
                writer.write(self.pages.get(self.paths[-1], NOT_FOUND))
                await writer.drain()
        except ConnectionError:
            pass  # the client has read enough
        finally:
            writer.close()


@asynccontextmanager
async def pages_server(pages: Mapping[str, bytes]) -> AsyncGenerator[PagesServer]:
    """Serve these pages; any other is not found."""
    server = PagesServer(pages=dict(pages))
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listener:
        server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        yield server
