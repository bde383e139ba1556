"""Where spans go: a collector over OTLP/HTTP, or standard output."""

import gzip
import json
import logging
import ssl
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TextIO

import httpx
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from rao_runtime.telemetry import otlp
from rao_runtime.telemetry.export import Delivery
from rao_runtime.telemetry.otel_variables import Compression, OtlpSettings
from rao_runtime.telemetry.span import Attribute, Span

# The answers after which OTLP wants a batch to be sent again.
BUSY = frozenset({429, 502, 503, 504})
# Gzip's lowest level makes a twentieth of a batch, its usual one hardly less at three times the time (measured).
LEVEL = 1

COMPRESS: Mapping[Compression, Callable[[bytes], bytes]] = {
    Compression.GZIP: lambda body: gzip.compress(body, LEVEL, mtime=0),
    Compression.DEFLATE: lambda body: zlib.compress(body, LEVEL),
}


class Collector:
    """A collector that takes OTLP over HTTP: the OpenTelemetry Collector, Jaeger, and most others."""

    def __init__(self, settings: OtlpSettings, resource: Mapping[str, str], tls: ssl.SSLContext) -> None:
        self._settings = settings
        self._resource = resource
        self._url = httpx.URL(settings.endpoint)
        self._compress = COMPRESS.get(settings.compression)
        self._headers = {**settings.headers, "Content-Type": otlp.MEDIA_TYPE}
        if self._compress is not None:
            self._headers["Content-Encoding"] = settings.compression.value
        # It would write a line for each batch.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        # The environment's proxies count, as they do for the SDK's exporters.
        self._client = httpx.Client(verify=tls)

    def encode(self, span: Span) -> bytes:
        """The span as part of a request."""
        return otlp.encode(span)

    def deliver(self, batch: Sequence[bytes], *, within_s: float) -> Delivery:
        """Post a batch."""
        body = otlp.request(self._resource, batch)
        if self._compress is not None:
            body = self._compress(body)
        timeout_s = max(0.05, min(self._settings.timeout_s, within_s))
        try:
            answer = self._client.post(self._url, content=body, headers=self._headers, timeout=timeout_s)
        except httpx.HTTPError as error:
            return Delivery(failure=f"{self._url.host} cannot be reached: {type(error).__name__} {error}", again=True)
        if answer.is_success:
            return Delivery(rejected=_rejected(answer.content))
        failure = f"{self._url.host} answered {answer.status_code}"
        return Delivery(failure=failure, again=answer.status_code in BUSY, after_s=_after_s(answer))

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


class Console:
    """Writes each span as a line of JSON, to look at while setting things up."""

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def encode(self, span: Span) -> bytes:
        """The line."""
        return json.dumps(asdict(span), default=_plain).encode()

    def deliver(self, batch: Sequence[bytes], *, within_s: float) -> Delivery:  # noqa: ARG002 - it is there at once
        """Write them."""
        try:
            self._output.writelines(f"{line.decode()}\n" for line in batch)
            self._output.flush()
        except (OSError, ValueError) as error:
            return Delivery(failure=f"standard output is gone: {error}")
        return Delivery()

    def close(self) -> None:
        """Nothing to let go of."""


def _rejected(body: bytes) -> int:
    """How many spans the collector took the batch without."""
    try:
        return ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans if body else 0
    except DecodeError:
        return 0


def _after_s(answer: httpx.Response) -> float:
    """Seconds of `Retry-After`; a date is taken for none, as few send one."""
    told = answer.headers.get("retry-after", "")
    return min(float(told), 60.0) if told.isdecimal() else 0.0


def _plain(value: Mapping[str, Attribute]) -> dict[str, Attribute]:
    return dict(value)
