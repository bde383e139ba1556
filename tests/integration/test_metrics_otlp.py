"""Metrics as a collector gets them over OTLP: the page's figures under the page's names, and of ours alone."""

import asyncio
import signal
import time
from collections.abc import Iterable
from math import isfinite

import httpx
import pytest
from opentelemetry import metrics as otel_metrics
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from rao_runtime.telemetry.names import Metric
from rao_runtime.telemetry.otel_variables import BadVariable
from rao_runtime.telemetry.tree_instruments import CALLS_S
from tests.conformance.redis_servers import new_prefix, shared
from tests.contract.processes import gateway_process
from tests.contract.world import world
from tests.integration.metrics_receiver import Export, MetricsReceiver, metrics_receiver
from tests.unit.metric_page import MetricPage, Sample

# What runs on from one look to the next, or is counted by being looked at.
MOVING = {Metric.HTTP_REQUESTS.value, Metric.OLDEST_TREE_AGE.value}
OFTEN = {"OTEL_METRIC_EXPORT_INTERVAL": "50"}


def sent_to(collector: MetricsReceiver) -> dict[str, str]:
    return OFTEN | {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{collector.url}/v1/metrics"}


def figures(samples: Iterable[Sample]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    # OTLP's SDK takes no infinity, and so there is no cap where none is.
    kept = (s for s in samples if s.name not in MOVING and not s.name.endswith("_bucket") and isfinite(s.value))
    return {(s.name, frozenset(s.labels.items())): s.value for s in kept}


def is_idle(export: Export) -> bool:
    return export.total("rao_trees_total") == 1 and export.total("rao_trees_active") == 0


async def test_a_collector_gets_what_the_page_says() -> None:
    async with metrics_receiver() as collector, world(environ=sent_to(collector)) as gateway:
        await gateway.solve("SPLIT", mode="recursive")
        export = await collector.until(is_idle)
        page = MetricPage.read((await gateway.http.get("/metrics")).text)
    assert figures(export.samples()) == figures(page.samples)
    assert export.scopes == ["rao"]
    # A metric without a figure yet is told to Prometheus only.
    assert set(export.metrics) <= {metric.value for metric in Metric}
    assert export.metrics["rao_queue_wait_seconds"].unit == "s"
    assert export.metrics["rao_tokens_total"].sum.is_monotonic


async def test_a_histogram_has_the_pages_buckets_and_counts_from_the_start() -> None:
    async with metrics_receiver() as collector, world(environ=sent_to(collector)) as gateway:
        await gateway.solve("SPLIT", mode="recursive")
        export = await collector.until(is_idle)
        page = MetricPage.read((await gateway.http.get("/metrics")).text)
    histogram = export.metrics["rao_call_seconds"].histogram
    assert histogram.aggregation_temporality == AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    (point,) = histogram.data_points
    assert tuple(point.explicit_bounds) == CALLS_S
    assert sum(point.bucket_counts) == point.count == page.total("rao_call_seconds_count") > 0
    assert point.start_time_unix_nano < point.time_unix_nano
    assert not point.HasField("min")


async def test_a_process_says_which_one_it_is() -> None:
    async with metrics_receiver() as collector, world(environ=sent_to(collector)):
        export = await collector.until(lambda export: True)
    assert export.service["service.name"] == "rao"
    assert export.service["service.instance.id"]
    assert export.service["service.version"]


async def test_the_last_figures_go_out_when_the_process_ends() -> None:
    async with metrics_receiver() as collector:
        environ = sent_to(collector) | {"OTEL_METRIC_EXPORT_INTERVAL": "3600000"}
        async with world(environ=environ) as gateway:
            await gateway.solve("SPLIT", mode="recursive")
            assert collector.exports == []
        (export,) = collector.exports
    assert export.total("rao_trees_total") == 1


async def test_a_collector_that_is_away_holds_nothing_up() -> None:
    environ = OFTEN | {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:1/v1/metrics"}
    async with world(environ=environ) as gateway:
        assert (await gateway.solve("ANSWER")).status_code == 200
        began = time.monotonic()
    assert time.monotonic() - began < 6


@pytest.mark.parametrize("more", [{"OTEL_METRICS_EXPORTER": "none"}, {"OTEL_SDK_DISABLED": "true"}], ids=str)
async def test_the_page_is_there_though_nothing_is_sent(more: dict[str, str]) -> None:
    async with metrics_receiver() as collector, world(environ=sent_to(collector) | more) as gateway:
        await gateway.solve("ANSWER")
        page = await gateway.until("/metrics", lambda answer: "rao_trees_active 0.0" in answer.text)
    assert MetricPage.read(page.text).total("rao_trees_total") == 1
    assert collector.paths == []


async def test_a_variable_of_no_sense_stops_the_start_and_is_named() -> None:
    with pytest.raises(BadVariable, match="OTEL_METRIC_EXPORT_INTERVAL"):
        async with world(environ={"OTEL_METRICS_EXPORTER": "otlp", "OTEL_METRIC_EXPORT_INTERVAL": "soon"}):
            raise AssertionError


async def test_libraries_that_measure_for_themselves_add_nothing() -> None:
    """FastAPI and docket have metrics of their own, FastAPI sends them by itself where it is told to."""
    async with metrics_receiver() as collector:
        environ = sent_to(collector) | {
            "FASTAPI_OTEL_AUTO_CONFIGURE": "true",
            "RAO_REDIS_URL": shared("valkey").url,
            "RAO_REDIS_PREFIX": new_prefix(),
        }
        with gateway_process(**environ) as (process, url, _):
            async with httpx.AsyncClient(base_url=url, timeout=30) as http:
                assert (await http.post("/solve", json={"goal": "add 1 and 2"})).status_code == 200
                await collector.until(lambda export: export.total("rao_trees_total") == 1)
                page = MetricPage.read((await http.get("/metrics")).text)
            process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(process.wait, 10)
    assert {scope for export in collector.exports for scope in export.scopes} == {"rao"}
    assert {name for export in collector.exports for name in export.metrics} <= set(page.types)
    assert set(page.types) == {metric.value for metric in Metric}


async def test_no_global_provider_is_set() -> None:
    before = otel_metrics.get_meter_provider()
    async with metrics_receiver() as collector, world(environ=sent_to(collector)):
        await collector.until(lambda export: True)
        assert otel_metrics.get_meter_provider() is before
    assert type(before).__module__ == "opentelemetry.metrics._internal"
