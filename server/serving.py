"""Runs the app under uvicorn, and stops it within seconds whatever is still open."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable

import uvicorn

from rao_runtime.config import Settings
from server import garbage, logs
from server.app import GatewayApp, create_app

logger = logging.getLogger(__name__)


class GatewayServer(uvicorn.Server):
    """Tells streams and waiting clients before it waits for their connections to close."""

    def __init__(
        self, app: GatewayApp, settings: Settings, *, on_ready: Callable[[str], None] = lambda _: None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="on",
                access_log=False,
                log_config=None,
                server_header=False,
                # Streams and waits are told and end at once; this is for clients that do not read.
                timeout_graceful_shutdown=int(settings.drain_s),
            )
        )
        self._app = app
        self._on_ready = on_ready
        self._garbage: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it listens, once it does; the port may have been the system's choice."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        if self.started:
            runtime = self._app.state.gateway.runtime
            self._garbage = asyncio.create_task(garbage.keep_out_of_the_way(lambda: runtime.is_idle), name="garbage")
            self._on_ready(self.url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell everybody, then close."""
        if self._garbage is not None:
            self._garbage.cancel()
        await self._app.state.gateway.leave()
        await super().shutdown(sockets)


def serve(settings: Settings, *, on_ready: Callable[[str], None] = lambda _: None, without_trees: bool = False) -> None:
    """Serve until SIGTERM or SIGINT. `on_ready` is given the base URL once the server takes requests.

    Raises RaoError where the trees' store cannot be opened, or local replicas cannot be started. `without_trees` is a
    worker: see `create_app`.
    """
    logs.install(settings.log_level.upper())
    for warning in settings.warnings:
        logger.warning(warning)
    app = create_app(settings, without_trees=without_trees)
    # Why the store cannot be opened is told once, by whoever called this, not with a traceback as well.
    logging.getLogger("uvicorn.error").addFilter(lambda _: app.state.failure is None)
    server = GatewayServer(app, settings, on_ready=on_ready)
    with contextlib.suppress(KeyboardInterrupt):
        try:
            server.run()
        except SystemExit:
            # uvicorn's way to say that start-up failed; why is ours to tell.
            if app.state.failure is None:
                raise
    if app.state.failure is not None:
        raise app.state.failure
