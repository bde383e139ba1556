"""OpenTelemetry's own environment variables, as far as they concern metrics: read once, at the start.

Names and meaning are the specification's. Headers, certificates, compression and time-outs the SDK reads itself.
Prometheus' page depends on none of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from urllib.parse import urlsplit

from rao_runtime.telemetry.otel_variables import LOCAL_COLLECTOR, BadVariable

EXPORTER = "OTEL_METRICS_EXPORTER"
INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL"
OWN_ENDPOINT = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
PROTOCOLS = ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PATH = "/v1/metrics"
SPOKEN = "http/protobuf"
USUAL_INTERVAL_MS = "60000"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsOverOtlp:
    """Where metrics are sent, and how often."""

    endpoint: str
    interval_s: float


def read(environ: Mapping[str, str]) -> MetricsOverOtlp | None:
    """None where nothing asks for it: no endpoint is named, and no exporter. Raises BadVariable."""
    given = {name: text for name, value in environ.items() if (text := value.strip())}
    if given.get("OTEL_SDK_DISABLED", "").lower() == "true" or not _is_asked_for(given):
        return None
    _check_protocol(given)
    return MetricsOverOtlp(endpoint=_endpoint(given), interval_s=_interval_s(given.get(INTERVAL, USUAL_INTERVAL_MS)))


def _is_asked_for(given: Mapping[str, str]) -> bool:
    asked = given.get(EXPORTER)
    if asked is None:
        return OWN_ENDPOINT in given or ENDPOINT in given
    names = {name.strip().lower() for name in asked.split(",")}
    # Prometheus has its page anyhow.
    if not names <= {"otlp", "none", "prometheus"}:
        raise BadVariable(EXPORTER, f"{asked!r} is not `otlp`, `prometheus` or `none`")
    return "otlp" in names


def _check_protocol(given: Mapping[str, str]) -> None:
    name = next((name for name in PROTOCOLS if name in given), None)
    if name is not None and given[name].lower() != SPOKEN:
        problem = f"{given[name]!r} is not `{SPOKEN}`, all that is spoken here; collectors take that on port 4318"
        raise BadVariable(name, problem)


def _endpoint(given: Mapping[str, str]) -> str:
    name = OWN_ENDPOINT if OWN_ENDPOINT in given else ENDPOINT
    url = given.get(name, LOCAL_COLLECTOR)
    try:
        usable = urlsplit(url).scheme in {"http", "https"} and bool(urlsplit(url).hostname)
    except ValueError:
        usable = False
    if not usable:
        raise BadVariable(name, f"{url!r} is not a URL such as `{LOCAL_COLLECTOR}`")
    return url if name == OWN_ENDPOINT else url.rstrip("/") + PATH


def _interval_s(text: str) -> float:
    try:
        interval_s = float(text) / 1000
    except ValueError:
        interval_s = 0.0
    if not 0.0 < interval_s < inf:
        raise BadVariable(INTERVAL, f"{text!r} is not a number of milliseconds above 0")
    return interval_s
