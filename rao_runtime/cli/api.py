"""The server's HTTP interface, as far as the commands need it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import quote

import httpx

from rao_runtime import __version__
from rao_runtime.cli.errors import BadInput, Unreachable
from rao_runtime.cli.problems import refusal

# A server sends a comment every 15 s; a stream that is silent for three times as long is dead.
SILENCE_S = 45.0
TIMEOUT = httpx.Timeout(60.0, connect=5.0)
NO_PROXY = ("localhost", "127.0.0.1", "[::1]")

Json = dict[str, Any]


class Api:
    """One server. Every call raises Refused for what the server declines, Unreachable where there is none."""

    def __init__(self, server: str) -> None:
        self.url = base_url(server)
        self._http = httpx.AsyncClient(
            base_url=self.url,
            timeout=TIMEOUT,
            headers={"User-Agent": f"rao/{__version__}", "Accept": "application/json"},
            # A proxy for the outside world is the wrong way to a server on this machine.
            mounts={f"all://{host}": None for host in NO_PROXY},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def submit(self, task: Mapping[str, Any], *, key: str | None = None) -> Json:
        """Hand a task in; the tree as accepted."""
        headers = {"Prefer": "respond-async"} | ({"Idempotency-Key": key} if key is not None else {})
        return await self._json("POST", "/solve", json=task, headers=headers)

    async def tree(self, tree_id: str, *, nodes: bool = False) -> Json:
        """A tree as it stands, with all its nodes or without."""
        return await self._json("GET", _path(tree_id), params={"nodes": "true"} if nodes else {})

    async def trees(self, *, limit: int, status: str | None = None, after: str | None = None) -> Json:
        """A page of trees, newest first."""
        asked = {"limit": str(limit), "status": status, "after": after}
        return await self._json("GET", "/trees", params={name: value for name, value in asked.items() if value})

    async def cancel(self, tree_id: str, *, node_id: str | None = None) -> Json:
        """Ask a tree, or a node with all below it, to stop; the tree as it stands."""
        node = "" if node_id is None else f"/nodes/{quote(node_id, safe='')}"
        return await self._json("POST", f"{_path(tree_id)}{node}/cancel")

    @asynccontextmanager
    async def events(self, tree_id: str, last_id: str) -> AsyncGenerator[httpx.Response, None]:
        """One connection to a tree's events after `last_id`; 204 where there are none to come."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        timeout = httpx.Timeout(SILENCE_S, connect=5.0)
        asked = self._http.build_request("GET", f"{_path(tree_id)}/events", headers=headers, timeout=timeout)
        try:
            response = await self._http.send(asked, stream=True)
            try:
                if not response.is_success:
                    await response.aread()
                    raise refusal(response)
                yield response
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    async def _json(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        try:
            response = await self._http.request(method, path, json=json, params=params, headers=headers)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if not response.is_success:
            raise refusal(response)
        try:
            body: object = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Unreachable(f"{self.url} did not answer as a rao server does; is it one?")
        return cast("Json", body)

    def _unreachable(self, error: httpx.TransportError) -> Unreachable:
        why = str(error) or type(error).__name__
        hint = "Start one with `rao serve`, or name another with --server or RAO_SERVER."
        return Unreachable(f"cannot reach {self.url}: {why}", [hint])


def base_url(server: str) -> str:
    """The base URL that was meant; `http://` may be left out. Raises BadInput."""
    text = server.strip() if "://" in server else f"http://{server.strip()}"
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise BadInput(f"{server!r} is not a URL: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise BadInput(f"{server!r} is not the URL of a server, such as http://127.0.0.1:8000")
    return text.rstrip("/")


def _path(tree_id: str) -> str:
    return f"/trees/{quote(tree_id, safe='')}"
