"""OpenTelemetry's variables say whether metrics are sent, and a wrong one says what is wrong."""

import pytest

from rao_runtime.telemetry.metrics_variables import MetricsOverOtlp, read
from rao_runtime.telemetry.otel_variables import BadVariable

THERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "  "},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://jaeger:4318/v1/traces"},
        {"OTEL_METRIC_EXPORT_INTERVAL": "1000"},
        THERE | {"OTEL_METRICS_EXPORTER": "none"},
        THERE | {"OTEL_METRICS_EXPORTER": "prometheus"},
        THERE | {"OTEL_SDK_DISABLED": "TRUE"},
        {"OTEL_METRICS_EXPORTER": "none", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ],
    ids=str,
)
def test_nothing_is_sent_unless_it_is_asked_for(environ: dict[str, str]) -> None:
    assert read(environ) is None


@pytest.mark.parametrize(
    ("environ", "endpoint", "interval_s"),
    [
        (THERE, "http://collector:4318/v1/metrics", 60.0),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "https://c/own"}, "https://c/own", 60.0),
        (THERE | {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "https://c/own"}, "https://c/own", 60.0),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, "http://localhost:4318/v1/metrics", 60.0),
        (THERE | {"OTEL_METRICS_EXPORTER": "OTLP, prometheus"}, "http://collector:4318/v1/metrics", 60.0),
        (THERE | {"OTEL_METRIC_EXPORT_INTERVAL": "2500"}, "http://collector:4318/v1/metrics", 2.5),
        (THERE | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "http://collector:4318/v1/metrics", 60.0),
    ],
    ids=str,
)
def test_an_endpoint_or_an_exporter_has_them_sent(environ: dict[str, str], endpoint: str, interval_s: float) -> None:
    assert read(environ) == MetricsOverOtlp(endpoint=endpoint, interval_s=interval_s)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("OTEL_METRICS_EXPORTER", "console", "`otlp`, `prometheus` or `none`"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0", "above 0"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1m", "above 0"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "inf", "above 0"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "nan", "above 0"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc", "port 4318"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "collector:4318", "is not a URL"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://[", "is not a URL"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(name: str, value: str, says: str) -> None:
    with pytest.raises(BadVariable, match=says) as found:
        read(THERE | {name: value})
    assert found.value.name == name
