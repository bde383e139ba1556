"""Sends the metrics to an OpenTelemetry collector over OTLP/HTTP, where OpenTelemetry's own variables ask for it.

Counters and gauges are observable instruments. There is no observable histogram: histograms go out as what the SDK
would have made of them, beside what it collects. The provider is ours alone, so that a library that uses the global
one neither gets our figures nor adds to them.
"""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from math import isfinite
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.export import Histogram as HistogramData
from opentelemetry.sdk.resources import Resource

from rao_runtime.ports import Clock
from rao_runtime.telemetry.instruments import Counter, Histogram, Instrument, Kind, Labels, Observed
from rao_runtime.telemetry.metrics_variables import MetricsOverOtlp
from rao_runtime.telemetry.otel_variables import SERVICE, BadVariable

# What a process waits at its end for its last figures to go out.
LAST_EXPORT_S = 1.5
# Least and most of all figures since the start tell nothing; what is None is left out.
UNTOLD: Any = None


@asynccontextmanager
async def sent_over_otlp(
    instruments: Sequence[Instrument], clock: Clock, wanted: MetricsOverOtlp, version: str
) -> AsyncGenerator[None]:
    """Send them every so often, and once more at the end.

    A collector that does not answer is logged by the SDK. Raises BadVariable for what the SDK cannot take.
    """
    histograms = [each for each in instruments if isinstance(each, Histogram)]
    try:
        reader = PeriodicExportingMetricReader(
            _Exporter(histograms, clock, wanted.endpoint), export_interval_millis=wanted.interval_s * 1000
        )
    except ValueError as error:
        raise BadVariable("OTEL_EXPORTER_OTLP_METRICS_*", str(error)) from None
    provider = MeterProvider([reader], resource=_resource(version), shutdown_on_exit=False)
    meter = provider.get_meter(SERVICE, version)
    for instrument in instruments:
        if not isinstance(instrument, Histogram):
            about = instrument.about
            make = meter.create_observable_counter if about.kind is Kind.COUNTER else meter.create_observable_gauge
            make(about.name.value, [_observer(instrument)], about.unit, about.text)
    try:
        yield
    finally:
        await asyncio.to_thread(provider.shutdown, LAST_EXPORT_S * 1_000)


class _Exporter(OTLPMetricExporter):
    """Adds the histograms to what the SDK has collected."""

    def __init__(self, histograms: Sequence[Histogram], clock: Clock, endpoint: str) -> None:
        super().__init__(endpoint)
        self._histograms = histograms
        self._clock = clock
        self._begun = clock.now()

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: object
    ) -> MetricExportResult:
        """See MetricExporter."""
        whole = self._completed(metrics_data)
        return super().export(whole, timeout_millis, **kwargs)  # pyright: ignore[reportUnknownMemberType]

    def _completed(self, data: MetricsData) -> MetricsData:
        resource = data.resource_metrics[0]
        scope = resource.scope_metrics[0]
        now = self._clock.now()
        scope = replace(scope, metrics=[*scope.metrics, *(self._metric(each, now) for each in self._histograms)])
        return replace(data, resource_metrics=[replace(resource, scope_metrics=[scope])])

    def _metric(self, histogram: Histogram, now: float) -> Metric:
        about = histogram.about
        points = [
            HistogramDataPoint(
                attributes=_attributes(histogram, labels),
                start_time_unix_nano=int(self._begun * 1e9),
                time_unix_nano=int(now * 1e9),
                count=sum(found.counts),
                sum=found.total,
                bucket_counts=found.counts,
                explicit_bounds=histogram.bounds,
                min=UNTOLD,
                max=UNTOLD,
            )
            for labels, found in histogram.read()
        ]
        spread = HistogramData(points, AggregationTemporality.CUMULATIVE)
        return Metric(name=about.name.value, description=about.text, unit=about.unit, data=spread)


def _observer(instrument: Counter | Observed) -> Callable[[CallbackOptions], Sequence[Observation]]:
    def observe(_: CallbackOptions) -> Sequence[Observation]:
        # The SDK takes no infinity: a cap that there is not is left out.
        told = [(labels, value) for labels, value in instrument.read() if isfinite(value)]
        return [Observation(value, _attributes(instrument, labels)) for labels, value in told]

    return observe


def _attributes(instrument: Instrument, labels: Labels) -> Mapping[str, str]:
    return dict(zip(instrument.about.labels, labels, strict=True))


def _resource(version: str) -> Resource:
    """What OpenTelemetry's variables say of the service, and ours where they are silent. A process is an instance."""
    instance = f"{socket.gethostname()}-{os.getpid()}"
    ours = Resource({"service.name": SERVICE, "service.version": version, "service.instance.id": instance})
    told = Resource.create()
    if str(told.attributes["service.name"]).startswith("unknown_service"):
        told = Resource({key: value for key, value in told.attributes.items() if key != "service.name"})
    return ours.merge(told)
