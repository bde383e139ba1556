"""Opens tracing as OpenTelemetry's variables ask for it. Imported only where they do: the SDK takes its time."""

import ssl
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from rao_runtime.telemetry.collector import Collector, Console
from rao_runtime.telemetry.export import Destination, Exporter
from rao_runtime.telemetry.otel_variables import BadVariable, OtlpSettings, TracingSettings
from rao_runtime.telemetry.sampling import sampler
from rao_runtime.telemetry.tracing import Tracing


@asynccontextmanager
async def open_tracing(settings: TracingSettings) -> AsyncGenerator[Tracing, None]:
    """Tracing for as long as the context lasts; what waits at its end is still sent, within `flush_s`.

    Raises BadVariable for certificates that cannot be read.
    """
    exporter = Exporter(_destination(settings), settings.bounds)
    try:
        yield Tracing(
            on=True,
            sampled=sampler(settings.sampler, settings.ratio),
            give=exporter.give,
            content=settings.content,
            exported=lambda: exporter.exported,
            dropped=lambda: exporter.dropped,
        )
    finally:
        await exporter.aclose()


def _destination(settings: TracingSettings) -> Destination:
    if settings.otlp is None:
        return Console(sys.stdout)
    return Collector(settings.otlp, settings.resource, _tls(settings.otlp))


def _tls(settings: OtlpSettings) -> ssl.SSLContext:
    if settings.endpoint.startswith("http:"):
        # Reading the system's authorities takes a while and is for nothing here; trusting nobody does no harm.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context = ssl.create_default_context(cafile=settings.authorities)
        if settings.certificate is not None:
            context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ValueError) as error:
        raise BadVariable("OTEL_EXPORTER_OTLP_CERTIFICATE", f"or CLIENT_CERTIFICATE, CLIENT_KEY: {error}") from error
    return context
