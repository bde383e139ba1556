"""HTTP/1.1 with nothing to spare: one connection, its requests, and answers that may break off anywhere.

A framework would answer politely; a stand-in must also be able to close, stall and lie at every byte, must notice a
client that leaves at once, and must cost little beside the server it loads.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl

import httptools

JSON = "application/json"
EVENTS = "text/event-stream; charset=utf-8"


@dataclass(slots=True)
class Request:
    """One HTTP request. Header names are in lower case."""

    target: bytes = b""
    method: str = ""
    headers: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    body: bytes = b""
    keep_alive: bool = True

    @property
    def path(self) -> str:
        """The path without its query."""
        return self.target.partition(b"?")[0].decode("latin-1")

    @property
    def query(self) -> dict[str, str]:
        """The query's fields."""
        return dict(parse_qsl(self.target.partition(b"?")[2].decode("latin-1")))

    def header(self, name: bytes) -> str:
        """A header's value, or nothing."""
        return self.headers.get(name, b"").decode("latin-1")


class Exchange:
    """One request and the answer to it, whole (`respond`) or in pieces (`begin`, `write`, `end`)."""

    def __init__(self, request: Request, transport: asyncio.Transport) -> None:
        self.request = request
        self._transport = transport
        self._pieces: list[bytes] = []

    def respond(self, status: int, body: bytes, content_type: str = JSON) -> None:
        """Send a whole response."""
        self.begin_sized(status, len(body), content_type)
        self._transport.write(self._take() + body)
        self._done()

    def begin_sized(self, status: int, length: int, content_type: str = JSON) -> None:
        """Promise a body of so many bytes; `write_raw` sends it."""
        self._pieces.append(_head(status, content_type, f"content-length: {length}"))

    def write_raw(self, data: bytes) -> None:
        """Send bytes as they are, after what has been begun."""
        self._transport.write(self._take() + data)

    def begin(self, content_type: str = EVENTS) -> None:
        """Send the headers of a chunked response."""
        self._transport.write(_head(200, content_type, "transfer-encoding: chunked"))

    def write(self, data: bytes) -> None:
        """Add to the chunked body; goes out with the next `flush` or `end`."""
        self._pieces.append(data)

    def flush(self) -> None:
        """Send what was written, as one chunk."""
        if self._pieces:
            data = self._take()
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self) -> None:
        """Send what was written and end the chunked body."""
        data = self._take()
        chunk = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        self._transport.write(chunk + b"0\r\n\r\n")
        self._done()

    def drop(self) -> None:
        """Close the connection after what was sent, in the middle of whatever it is."""
        self._transport.close()

    def _take(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data

    def _done(self) -> None:
        if not self.request.keep_alive:
            self._transport.close()


Handler = Callable[[Exchange], Awaitable[None]]


class Connection(asyncio.Protocol):
    """One client connection. Requests are handled one after the other; the client's leaving cancels the handler.

    A handler that raises ends the connection, and the loop is told why. With `keep_alive_s` it is closed when so long
    after an answer nothing more has come.
    """

    def __init__(self, handler: Handler, connections: set["Connection"], keep_alive_s: float | None = None) -> None:
        self._handler = handler
        self._connections = connections
        self._keep_alive_s = keep_alive_s
        self._idle: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request()
        self._body: list[bytes] = []
        self._backlog: deque[Request] = deque()
        self._task: asyncio.Task[None] | None = None

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Bytes have come in."""
        self._stay()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if self._transport is not None:
                self._transport.write(_head(400, "text/plain", "content-length: 0"))
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        """The client is gone, or we closed: either way nobody waits for the answer any more."""
        self._transport = None
        self._stay()
        self._backlog.clear()
        if self._task is not None:
            self._task.cancel()
        else:
            self._connections.discard(self)

    # What httptools calls.

    def on_message_begin(self) -> None:
        """A request begins."""
        self._request = Request()
        self._body = []

    def on_url(self, url: bytes) -> None:
        """Some of its target."""
        self._request.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One of its headers."""
        self._request.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Its headers are in."""
        if self._request.headers.get(b"expect", b"").lower() == b"100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Some of its body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """It is in whole."""
        request = self._request
        request.method = self._parser.get_method().decode("latin-1")
        request.keep_alive = self._parser.should_keep_alive()
        request.body = b"".join(self._body)
        self._backlog.append(request)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._backlog and self._transport is not None:
                await self._handler(Exchange(self._backlog.popleft(), self._transport))
        except Exception as error:  # noqa: BLE001 - whatever it is, its client must not wait for the rest of an answer
            if self._transport is not None:
                self._transport.abort()
            told = {"message": "the stand-in failed at a request, and cut its connection", "exception": error}
            asyncio.get_running_loop().call_exception_handler(told)
        finally:
            self._task = None
            if self._transport is None:
                self._connections.discard(self)
            elif self._keep_alive_s is not None:
                self._idle = asyncio.get_running_loop().call_later(self._keep_alive_s, self._transport.close)

    def _stay(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    async def close(self) -> None:
        """Cut the connection and wait until its handler is out."""
        task = self._task
        if self._transport is not None:
            self._transport.abort()
        if task is not None:
            task.cancel()
            await asyncio.wait([task])


def _head(status: int, content_type: str, framing: str) -> bytes:
    reason = HTTPStatus(status).phrase
    return f"HTTP/1.1 {status} {reason}\r\ncontent-type: {content_type}\r\n{framing}\r\n\r\n".encode("latin-1")
