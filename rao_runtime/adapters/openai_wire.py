"""One replica's connections: httpx's messages over aiohttp's sockets. Knows nothing of chat completions.

The transport is used without httpx's client around it: cookies, redirects, proxies and retries must not happen here,
and each costs time on every call.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import cast

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from rao_runtime.adapters import openai_errors
from rao_runtime.core.errors import FailureKind, ModelError

ERROR_BODY_BYTES = 64 << 10
ERROR_BODY_S = 5.0
KEEPALIVE_S = 2.0  # vLLM closes an idle connection after 5 s; one that is about to close must not be picked up

Headers = Sequence[tuple[str, str]]


class Reply:
    """An HTTP response whose body is read piece by piece. `close` ends it where it stands."""

    __slots__ = ("_chunks", "_response", "_secret", "_stream", "status")

    def __init__(self, response: httpx.Response, secret: str | None) -> None:
        self._response = response
        self._secret = secret
        self._stream = cast("httpx.AsyncByteStream", response.stream)  # the transport is an asynchronous one
        self._chunks = cast("AsyncGenerator[bytes]", aiter(self._stream))
        self.status = response.status_code

    def header(self, name: str) -> str | None:
        """The value of a header, if the response has it."""
        return self._response.headers.get(name)

    async def read(self, until: float) -> bytes:
        """The next piece, or nothing at the end. Raises ModelError, also when none came by `until` (loop time)."""
        with as_model_error():
            async with asyncio.timeout_at(until):
                return await anext(self._chunks, b"")

    async def read_all(self, until: float, most: int) -> bytes:
        """The rest of the body, cut off at `most` bytes. Raises ModelError."""
        body = bytearray()
        while len(body) < most and (chunk := await self.read(until)):
            body += chunk
        return bytes(body[:most])

    async def refusal(self) -> ModelError:
        """The failure that its status means, other than 200; what the server says, but never our key."""
        try:
            body = await self.read_all(asyncio.get_running_loop().time() + ERROR_BODY_S, ERROR_BODY_BYTES)
        except ModelError:
            body = b""  # the status alone says enough
        if self._secret:
            body = body.replace(self._secret.encode(), b"***")
        return openai_errors.of_status(self.status, self.header("retry-after"), body)

    async def close(self) -> None:
        """Give the connection back where the body was read to its end, else end it, which tells the server to stop."""
        # A request whose body was refused half-way fails once more here; its status has told why.
        with suppress(httpx.HTTPError, aiohttp.ClientError, OSError):
            await self._stream.aclose()
            # Left to the garbage collector, a half-read generator would cost a task of its own.
            await self._chunks.aclose()


class Wire:
    """As many connections to one base URL as are asked for; idle ones are kept for 2 seconds."""

    def __init__(
        self, base_url: str, headers: Headers, *, connect_timeout_s: float, api_key: str | None = None
    ) -> None:
        self._base_url = base_url
        self._api_key = api_key
        self._headers = [("host", httpx.URL(base_url).netloc.decode()), *headers]
        if api_key:
            self._headers.append(("authorization", f"Bearer {api_key}"))
        self._extensions = {"timeout": {"pool": connect_timeout_s}}  # aiohttp's `connect`: resolving and TLS included
        self._transport = AiohttpTransport(verify=_tls(), trust_env=False, client=_session)

    async def send(self, method: str, path: str, *, headers: Headers = (), body: bytes = b"", until: float) -> Reply:
        """Send a request; returns once the response's headers are there. Raises ModelError, as `Reply.read` does."""
        with as_model_error():
            request = httpx.Request(
                method,
                _url(self._base_url + path),
                # Left to httpx, host and length took a tenth of a call's time.
                headers=[*self._headers, ("content-length", str(len(body))), *headers],
                content=body,
                extensions=self._extensions,
            )
            async with asyncio.timeout_at(until):
                return Reply(await self._transport.handle_async_request(request), self._api_key)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()


@contextmanager
def as_model_error() -> Generator[None]:
    """Turns whatever the HTTP stack raises into the ModelError it means."""
    try:
        yield
    except TimeoutError as error:
        raise ModelError(FailureKind.TIMEOUT, "nothing came in time") from error
    except Exception as error:  # the boundary to two HTTP libraries; the engine knows their failures only as ModelError
        raise openai_errors.of_exception(error) from error


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_S, ssl=_tls()),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(),
        auto_decompress=False,
    )


@cache
def _url(text: str) -> httpx.URL:
    return httpx.URL(text)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
