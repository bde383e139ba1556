"""A server that writes exactly the bytes a test gives it, and notes what it was asked and when the client left."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
UNTIL_CLOSED = STREAM + b"connection: close\r\n\r\n"


@dataclass(slots=True)
class Asked:
    """One request: its first line, its headers in lowercase, its body."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return orjson.loads(self.body)


@dataclass(slots=True, eq=False)
class RawServer:
    """What the server has seen. `gone` is set once a client has closed its connection while the server held it."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list[Asked])
    connections: int = 0
    open: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def raw_server(
    pieces: Sequence[bytes] | bytes, *, hold: bool = False, reset: bool = False
) -> AsyncGenerator[RawServer]:
    """Answers every request with these bytes, then closes; `hold` leaves the connection open, `reset` breaks it."""
    server = RawServer()
    whole = [pieces] if isinstance(pieces, bytes) else pieces

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        server.open += 1
        try:
            while (asked := await read_request(reader)) is not None:
                server.asked.append(asked)
                server.arrived.set()
                for piece in whole:
                    writer.write(piece)
                    await writer.drain()
                if reset:
                    writer.transport.abort()
                    return
                if not hold:
                    return
            server.gone.set()
        except ConnectionError:
            server.gone.set()
        finally:
            server.open -= 1
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 24)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        server.url = f"http://127.0.0.1:{port}"
        yield server


async def read_request(reader: asyncio.StreamReader) -> Asked | None:
    """The next request of a connection, None where the client has closed it."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    line, *rest = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (header.partition(":") for header in rest)}
    return Asked(line, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


def chunked(*events: bytes) -> bytes:
    """A whole response with these events in a chunked body, after which the connection can be used again."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(event), event) for event in events)
    return STREAM + b"transfer-encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


def answer(status: str, body: bytes, *headers: str) -> bytes:
    """A whole response with a length."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def sse(data: object) -> bytes:
    """One event."""
    return b"data: " + orjson.dumps(data) + b"\n\n"


DONE = b"data: [DONE]\n\n"


def chunk(
    content: str | None = None, *, finish: str | None = None, usage: tuple[int, int] | None = None, **delta: object
) -> bytes:
    """One chunk of a chat completion; `usage` is prompt and completion tokens."""
    counts = None if usage is None else {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
    choice = {"index": 0, "delta": {"content": content, **delta}, "finish_reason": finish}
    return sse({"id": "c", "object": "chat.completion.chunk", "choices": [choice], "usage": counts})


def usage_chunk(prompt: int, output: int, cached: int | None = None) -> bytes:
    """The last chunk of a stream with usage: no choices."""
    details = None if cached is None else {"cached_tokens": cached}
    usage = {"prompt_tokens": prompt, "completion_tokens": output, "prompt_tokens_details": details}
    return sse({"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": usage})
