"""A collector that only counts: `python -m benchmarks.collector`. The first line on standard output is its URL.

`GET /spans` tells how many spans came, how many different ones, and when the last did, in seconds since the epoch;
`POST /reset` forgets them.
"""

import asyncio
import gzip
import time
from contextlib import suppress

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

LARGEST_BYTES = 64 << 20


class Counts:
    """What has come since the last reset."""

    def __init__(self) -> None:
        self.spans = 0
        self.ids = set[bytes]()
        self.last = 0.0

    async def take(self, request: web.Request) -> web.Response:
        """`POST /v1/traces`."""
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        # Answered at once, counted after: a collector's own work is not what is measured.
        self.last = time.time()
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.spans += len(scope.spans)
                self.ids.update(span.span_id for span in scope.spans)
        return web.Response(content_type="application/x-protobuf")

    async def show(self, _: web.Request) -> web.Response:
        """`GET /spans`."""
        return web.json_response({"spans": self.spans, "different": len(self.ids), "last": self.last})

    async def reset(self, _: web.Request) -> web.Response:
        """`POST /reset`."""
        self.spans, self.last = 0, 0.0
        self.ids.clear()
        return web.Response()


async def main() -> None:
    """Serve until ended."""
    counts = Counts()
    app = web.Application(client_max_size=LARGEST_BYTES)
    app.add_routes(
        [
            web.post("/v1/traces", counts.take),
            web.get("/spans", counts.show),
            web.post("/reset", counts.reset),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
