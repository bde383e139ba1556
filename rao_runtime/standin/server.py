"""The stand-in as a server."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, cast

import orjson

from rao_runtime.standin import metrics
from rao_runtime.standin.chat import complete
from rao_runtime.standin.config import StandInConfig, changed
from rao_runtime.standin.connection import JSON, Connection, Exchange
from rao_runtime.standin.ledger import Ledger
from rao_runtime.standin.refusal import Refusal
from rao_runtime.standin.replica import Replica
from rao_runtime.standin.script import Script

VERSION = "0.33.0"
BACKLOG = 4096


class StandIn:
    """A replica on a port, for as long as the `async with` block lasts; port 0 lets the system choose.

    Other processes see its ledger and change its settings over HTTP; this one does so directly.
    """

    def __init__(self, config: StandInConfig, script: Script, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._first_config = config
        self._script = script
        self._host = host
        self._port = port
        self._replica: Replica | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._routes: dict[tuple[str, str], Callable[[Exchange], Awaitable[None]]] = {
            ("POST", "/v1/chat/completions"): self._chat,
            ("GET", "/v1/models"): self._models,
            ("GET", "/health"): self._health,
            ("GET", "/version"): self._version,
            ("GET", "/metrics"): self._metrics,
            ("GET", "/ledger"): self._tell_ledger,
            ("POST", "/ledger/reset"): self._reset_ledger,
            ("POST", "/control"): self._control,
        }

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._replica = Replica(self._first_config, self._script)
        self._server = await loop.create_server(
            lambda: Connection(self._handle, self._connections, self.config.keep_alive_s),
            self._host,
            self._port,
            backlog=BACKLOG,
        )
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        server = self._server
        if server is not None:
            server.close()
            await asyncio.gather(*(connection.close() for connection in list(self._connections)))
            await server.wait_closed()

    @property
    def url(self) -> str:
        """The base URL, without `/v1`."""
        if self._server is None:
            raise RuntimeError("the stand-in is not started")
        port = self._server.sockets[0].getsockname()[1]
        return f"http://{self._host}:{port}"

    @property
    def config(self) -> StandInConfig:
        """The settings in force."""
        return self._running.config

    @property
    def ledger(self) -> Ledger:
        """What has really happened; still there after the end."""
        return self._running.ledger

    def configure(self, config: StandInConfig) -> None:
        """Take these settings for the requests to come; requests in their slots stay as they are. Raises ValueError."""
        self._running.configure(config)

    def fail_next(self, *names: str) -> None:
        """Let the next requests meet these faults, one each; `""` lets one pass. Raises ValueError for unknown ones."""
        self._running.fail_next(*names)

    @property
    def _running(self) -> Replica:
        if self._replica is None:
            raise RuntimeError("the stand-in is not started")
        return self._replica

    async def _handle(self, exchange: Exchange) -> None:
        request = exchange.request
        route = self._routes.get((request.method, request.path))
        if route is not None:
            await route(exchange)
            return
        known = any(path == request.path for _, path in self._routes)
        refusal = Refusal(405, "Method Not Allowed") if known else Refusal(404, "Not Found")
        exchange.respond(refusal.status, refusal.body())

    async def _chat(self, exchange: Exchange) -> None:
        await complete(exchange, self._running)

    async def _models(self, exchange: Exchange) -> None:
        config = self.config
        data = [
            {
                "id": model,
                "object": "model",
                "created": 0,
                "owned_by": "vllm",
                "root": model,
                "parent": None,
                "max_model_len": config.window,
            }
            for model in config.models
        ]
        exchange.respond(200, orjson.dumps({"object": "list", "data": data}))

    async def _health(self, exchange: Exchange) -> None:
        exchange.respond(200, b"")

    async def _version(self, exchange: Exchange) -> None:
        exchange.respond(200, orjson.dumps({"version": VERSION}))

    async def _metrics(self, exchange: Exchange) -> None:
        replica = self._running
        cache = None if replica.batch is None else replica.batch.figures()
        exchange.respond(200, metrics.exposition(self.ledger, self.config.models[0], cache), metrics.CONTENT_TYPE)

    async def _tell_ledger(self, exchange: Exchange) -> None:
        entries = exchange.request.query.get("entries", "1") != "0"
        exchange.respond(200, orjson.dumps(self.ledger.as_dict(entries=entries)), JSON)

    async def _reset_ledger(self, exchange: Exchange) -> None:
        self.ledger.reset()
        await self._tell_ledger(exchange)

    async def _control(self, exchange: Exchange) -> None:
        try:
            changes = orjson.loads(exchange.request.body)
            if not isinstance(changes, dict):
                raise ValueError("an object of settings is wanted")
            self._apply(cast(dict[str, Any], changes))
        except (ValueError, TypeError) as error:
            refusal = Refusal(400, str(error))
            exchange.respond(refusal.status, refusal.body())
            return
        exchange.respond(200, b"{}")

    def _apply(self, changes: dict[str, Any]) -> None:
        names: object = changes.pop("next_faults", [])
        if not isinstance(names, list):
            raise ValueError("next_faults: a list of names is wanted")
        config = changed(self.config, changes)
        self._running.check(config)
        self.fail_next(*cast(list[str], names))
        self.configure(config)
