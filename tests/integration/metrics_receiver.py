"""A collector in the test's own process that takes metrics: OTLP over HTTP on a real socket."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics

from tests.integration.raw_server import answer, read_request
from tests.unit.metric_page import Sample


@dataclass(frozen=True, slots=True)
class Export:
    """One request, of one process."""

    resource: ResourceMetrics

    @property
    def service(self) -> Mapping[str, str]:
        """What the process says of itself."""
        return _pairs(self.resource.resource.attributes)

    @property
    def scopes(self) -> Sequence[str]:
        """Who measured."""
        return [scope.scope.name for scope in self.resource.scope_metrics]

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """By name."""
        return {metric.name: metric for scope in self.resource.scope_metrics for metric in scope.metrics}

    def samples(self) -> list[Sample]:
        """As lines of Prometheus' page."""
        return [sample for metric in self.metrics.values() for sample in _samples(metric)]

    def total(self, name: str) -> float:
        """The sum of a counter or gauge."""
        return sum(sample.value for sample in self.samples() if sample.name == name)


@dataclass(slots=True, eq=False)
class MetricsReceiver:
    """`exports` are those that came; every one is taken."""

    url: str = ""
    paths: list[str] = field(default_factory=list[str])
    exports: list[Export] = field(default_factory=list[Export])
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, holds: Callable[[Export], bool]) -> Export:
        """The first export, from the latest one on, of which this is so."""
        seen = max(0, len(self.exports) - 1)
        async with asyncio.timeout(20), self._changed:
            while True:
                for export in self.exports[seen:]:
                    if holds(export):
                        return export
                seen = len(self.exports)
                await self._changed.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while (asked := await read_request(reader)) is not None:
                self.paths.append(asked.line.split()[1])
                if self.paths[-1].endswith("/v1/metrics"):
                    request = ExportMetricsServiceRequest.FromString(asked.body)
                    self.exports += map(Export, request.resource_metrics)
                writer.write(answer("200 OK", b""))
                await writer.drain()
                async with self._changed:
                    self._changed.notify_all()
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def metrics_receiver() -> AsyncGenerator[MetricsReceiver, None]:
    """A collector that is up."""
    found = MetricsReceiver()
    listener = await asyncio.start_server(found.serve, "127.0.0.1", 0, limit=1 << 24)
    async with listener:
        found.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        yield found


def _pairs(pairs: Sequence[KeyValue]) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in pairs}


def _samples(metric: Metric) -> list[Sample]:
    if metric.HasField("histogram"):
        return [
            sample
            for point in metric.histogram.data_points
            for sample in (
                Sample(f"{metric.name}_sum", _pairs(point.attributes), point.sum),
                Sample(f"{metric.name}_count", _pairs(point.attributes), point.count),
            )
        ]
    points = metric.sum.data_points if metric.HasField("sum") else metric.gauge.data_points
    return [
        Sample(metric.name, _pairs(p.attributes), p.as_double if p.HasField("as_double") else p.as_int) for p in points
    ]
