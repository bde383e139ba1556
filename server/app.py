"""Puts the gateway together."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig

from rao_runtime.bootstrap import open_runtime
from rao_runtime.config import Settings
from rao_runtime.core.errors import RaoError
from rao_runtime.engine.runtime import Runtime
from server import document, handlers
from server.gateway import Gateway, StreamTimes
from server.middleware.body_limit import BodyLimit
from server.middleware.counted import Counted
from server.middleware.head import HeadAsGet
from server.middleware.last_resort import LastResort
from server.middleware.post_span import PostSpan
from server.middleware.request_id import RequestId
from server.routes import catalog, events, health, replicas, solve, trees, ui, usage

BESIDE_CONTEXT_BYTES = 1 << 20
DEFAULT_TIMES = StreamTimes()
# Spans and metrics are our own: FastAPI's would come on top of them where a global provider is set.
NOT_FASTAPIS: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


class GatewayApp(FastAPI):
    """FastAPI with our own OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = document.build(self)
        return self.openapi_schema


def _name(route: APIRoute) -> str:
    return route.name


def create_app(
    settings: Settings,
    runtime: Runtime | None = None,
    *,
    times: StreamTimes = DEFAULT_TIMES,
    without_trees: bool = False,
) -> GatewayApp:
    """The app. It opens a runtime for as long as it is up, unless it is given an open one.

    `without_trees` is a worker's: it says how it is, shows and changes its own pool, and takes no tasks. What kept a
    runtime from opening is found in `state.failure`.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        if runtime is not None:
            yield
            return
        try:
            async with open_runtime(settings) as opened:
                app.state.gateway = Gateway(runtime=opened, settings=settings, times=times)
                yield
        except RaoError as error:
            app.state.failure = error
            raise

    app = GatewayApp(
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_name,
        telemetry=NOT_FASTAPIS,
    )
    if runtime is not None:
        app.state.gateway = Gateway(runtime=runtime, settings=settings, times=times)
    app.state.failure = None
    for routes in (replicas, health) if without_trees else (solve, trees, events, usage, catalog, replicas, health, ui):
        app.include_router(routes.router)
    handlers.install(app)

    def answered(method: str, route: str, status: int) -> None:
        app.state.gateway.runtime.metrics.answered(method, route, status)

    # The last one added is the outermost.
    app.add_middleware(BodyLimit, max_bytes=settings.max_context_bytes + BESIDE_CONTEXT_BYTES)
    app.add_middleware(Counted, answered=answered)
    app.add_middleware(HeadAsGet)
    app.add_middleware(LastResort)
    app.add_middleware(RequestId)
    if not without_trees:
        app.add_middleware(PostSpan)
    return app
