"""A collector in the test's own process: takes OTLP over HTTP on a real socket, and keeps the spans it was sent."""

import asyncio
import gzip
import zlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.integration.raw_server import Asked, answer, read_request

UNPACK: Mapping[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "deflate": zlib.decompress}


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A span as it came. Ids are hex, times nanoseconds; `wire` is all of it."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    start: int
    end: int
    attributes: Mapping[str, Any]
    failed: bool
    service: str
    wire: bytes
    links: Sequence[tuple[str, str]]

    @property
    def node_id(self) -> str | None:
        """The node it tells of."""
        return self.attributes.get("rao.node.id")


@dataclass(slots=True, eq=False)
class Receiver:
    """`spans` are those of requests that were answered with 200, in the order they came. `answers` are given to the
    next requests in place of it, `held` keeps all of them waiting while it is cleared.
    """

    url: str = ""
    spans: list[Received] = field(default_factory=list[Received])
    asked: list[Asked] = field(default_factory=list[Asked])
    answers: list[bytes] = field(default_factory=list[bytes])
    rejects: int = 0
    held: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def environ(self) -> dict[str, str]:
        """What has a server send its spans here, soon."""
        return {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{self.url}/v1/traces", "OTEL_BSP_SCHEDULE_DELAY": "20"}

    async def until(self, holds: Callable[["Receiver"], bool]) -> None:
        """Wait until this is so of what has come."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: holds(self))

    async def until_asked(self) -> None:
        """Wait until a request has come, answered or not."""
        await self.until(lambda found: bool(found.asked))

    async def trace(self, trace_id: str, spans: int) -> "Trace":
        """A trace once it has so many different spans."""
        await self.until(lambda _: len({span.span_id for span in self._of(trace_id)}) >= spans)
        return Trace(self._of(trace_id))

    def _of(self, trace_id: str) -> list[Received]:
        return [span for span in self.spans if span.trace_id == trace_id]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while (asked := await read_request(reader)) is not None:
                self.asked.append(asked)
                await self._tell()
                await self.held.wait()
                writer.write(self._answer(asked))
                await writer.drain()
                await self._tell()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _answer(self, asked: Asked) -> bytes:
        if self.answers:
            return self.answers.pop(0)
        body = UNPACK.get(asked.headers.get("content-encoding", ""), bytes)(asked.body)
        self.spans += received(ExportTraceServiceRequest.FromString(body))
        told = ExportTraceServiceResponse()
        if self.rejects:
            told.partial_success.rejected_spans = self.rejects
        return answer("200 OK", told.SerializeToString(), "content-type: application/x-protobuf")


@asynccontextmanager
async def receiver() -> AsyncGenerator[Receiver, None]:
    """A collector that is up."""
    found = Receiver()
    found.held.set()
    listener = await asyncio.start_server(found.serve, "127.0.0.1", 0, limit=1 << 24)
    async with listener:
        found.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        yield found


class Trace:
    """All spans of one trace. A span that came twice, equal in everything, counts once."""

    def __init__(self, spans: Sequence[Received]) -> None:
        self.spans = list({span.wire: span for span in spans}.values())
        self.by_id = {span.span_id: span for span in self.spans}

    @property
    def post(self) -> Received:
        """The one span of the request."""
        (post,) = [span for span in self.spans if span.name == "POST /solve"]
        return post

    @property
    def nodes(self) -> dict[str, Received]:
        """The spans of nodes, by their ids."""
        return {str(span.node_id): span for span in self.spans if span.name.startswith("invoke_agent")}

    def named(self, name: str) -> list[Received]:
        """The spans whose name begins so."""
        return [span for span in self.spans if span.name.startswith(name)]

    def check(self, *, caller: str | None = None) -> None:
        """One root, no orphan, no id twice, intervals nested, those right below the request aside."""
        assert {span_id: n for span_id, n in Counter(span.span_id for span in self.spans).items() if n > 1} == {}
        assert [span.span_id for span in self.spans if span.parent_id == caller] == [self.post.span_id]
        for span in self.spans:
            if span is self.post:
                continue
            parent = self.by_id[str(span.parent_id)]
            assert span.start <= span.end
            assert parent is self.post or parent.start <= span.start <= span.end <= parent.end, (span, parent)


def received(request: ExportTraceServiceRequest) -> list[Received]:
    """The spans of a request."""
    return [
        _span(span, str(_pairs(of.resource.attributes)["service.name"]))
        for of in request.resource_spans
        for scope in of.scope_spans
        for span in scope.spans
    ]


def _span(span: WireSpan, service: str) -> Received:
    return Received(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        name=span.name,
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        attributes=_pairs(span.attributes),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        service=service,
        wire=span.SerializeToString(deterministic=True),
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
    )


def _pairs(pairs: Sequence[KeyValue]) -> dict[str, Any]:
    found = {pair.key: _value(pair.value) for pair in pairs}
    assert len(found) == len(pairs), "an attribute stands twice"
    return found


def _value(value: AnyValue) -> object:
    which = value.WhichOneof("value")
    if which == "array_value":
        return [_value(each) for each in value.array_value.values]
    return None if which is None else getattr(value, which)
