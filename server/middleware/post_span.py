"""The SERVER span of `POST /solve`: above the tree's root where the request made a tree, alone where it did not."""

import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rao_runtime.core.ids import post_span_id, trace_id
from rao_runtime.telemetry import names
from rao_runtime.telemetry.span import Attribute, Span, SpanKind, SpanLink
from server import preferences
from server.gateway import Gateway

PATH = "/solve"
KEPT_UNDER = "rao.posted"
PORTS = {"http": 80, "https": 443}


@dataclass(slots=True)
class Posted:
    """What a request came to. `trace_id` is the trace of the tree, where it is known; `failure` what broke off the
    answer.
    """

    tree_id: str | None = None
    replayed: bool = False
    trace_id: str | None = None
    status: int | None = None
    failure: str | None = None


def posted(request: Request) -> Posted:
    """Where a route notes what a request came to."""
    return request.scope.setdefault(KEPT_UNDER, Posted())


class PostSpan:
    """Times the request until its answer is sent, which for a stream is until it closes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and give a span where it is traced."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        gateway: Gateway = scope["app"].state.gateway
        if not gateway.runtime.tracing.on:
            await self.app(scope, receive, send)
            return
        found = scope[KEPT_UNDER] = Posted()
        began = gateway.clock.now()

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                found.status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except BaseException as error:
            found.failure = type(error).__name__
            raise
        finally:
            _give(gateway, scope, found, began)


def _give(gateway: Gateway, scope: Scope, found: Posted, began: float) -> None:
    headers = Headers(scope=scope)
    caller = preferences.traceparent(headers)
    made = found.tree_id is not None and not found.replayed
    # A request that made no tree has nothing to derive an id from.
    source = found.tree_id if found.tree_id is not None and made else secrets.token_hex(16)
    trace = trace_id(source, caller)
    if not gateway.runtime.tracing.sampled(trace, caller):
        return
    span = Span(
        trace_id=trace,
        span_id=post_span_id(source),
        parent_id=None if caller is None else caller.split("-")[2],
        name=names.POST_SOLVE,
        kind=SpanKind.SERVER,
        start=began,
        end=gateway.clock.now(),
        attributes=_attributes(scope, headers, found),
        links=_links(found),
        error=_error(found),
    )
    gateway.runtime.tracing.give([span])


def _links(found: Posted) -> list[SpanLink]:
    """From a replay to the request that made the tree."""
    if not found.replayed or found.tree_id is None or found.trace_id is None:
        return []
    return [SpanLink(trace_id=found.trace_id, span_id=post_span_id(found.tree_id))]


def _error(found: Posted) -> str | None:
    """By the conventions, a SERVER span failed where the server did: a refusal is no failure."""
    if found.status is not None and found.status >= 500:
        return str(found.status)
    return found.failure


def _attributes(scope: Scope, headers: Headers, found: Posted) -> dict[str, Attribute]:
    address, port = _address(scope, headers)
    told: dict[str, Attribute | None] = {
        names.HTTP_METHOD: scope["method"],
        names.HTTP_ROUTE: PATH,
        names.URL_PATH: PATH,
        names.URL_SCHEME: scope["scheme"],
        names.HTTP_STATUS: found.status,
        names.SERVER_ADDRESS: address,
        names.SERVER_PORT: port,
        names.HTTP_VERSION: scope.get("http_version"),
        names.USER_AGENT: headers.get("user-agent"),
        names.TREE_ID: found.tree_id,
        names.REPLAYED: found.replayed or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _address(scope: Scope, headers: Headers) -> tuple[str | None, int | None]:
    """Host and port as the client knows them."""
    try:
        parts = urlsplit(f"//{headers.get('host', '')}")
        if parts.hostname:
            return parts.hostname, parts.port or PORTS.get(scope["scheme"])
    except ValueError:
        pass
    address, port = scope.get("server") or (None, None)
    return address, port
