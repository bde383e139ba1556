"""Which trees are traced: the SDK's samplers, asked once for each tree."""

from collections.abc import Callable, Mapping

from opentelemetry.sdk.trace import sampling
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

from rao_runtime.telemetry import names
from rao_runtime.telemetry.otel_variables import SamplerName

Sampled = Callable[[str, str | None], bool]

MAKE: Mapping[SamplerName, Callable[[float], sampling.Sampler]] = {
    SamplerName.ALWAYS_ON: lambda _: sampling.ALWAYS_ON,
    SamplerName.ALWAYS_OFF: lambda _: sampling.ALWAYS_OFF,
    SamplerName.RATIO: sampling.TraceIdRatioBased,
    SamplerName.PARENT_ALWAYS_ON: lambda _: sampling.DEFAULT_ON,
    SamplerName.PARENT_ALWAYS_OFF: lambda _: sampling.DEFAULT_OFF,
    SamplerName.PARENT_RATIO: sampling.ParentBasedTraceIdRatio,
}


def sampler(name: SamplerName, ratio: float) -> Sampled:
    """Says of a trace id and the caller's valid `traceparent` whether the tree is traced; the same in every process."""
    chosen = MAKE[name](ratio)

    def sampled(trace_id: str, traceparent: str | None) -> bool:
        # Without a parent it must not be found in the context of whoever asks.
        parent = SpanContext(0, 0, is_remote=True) if traceparent is None else _context(traceparent)
        context = set_span_in_context(NonRecordingSpan(parent))
        result = chosen.should_sample(context, int(trace_id, 16), names.POST_SOLVE, SpanKind.SERVER)
        return result.decision.is_sampled()

    return sampled


def _context(traceparent: str) -> SpanContext:
    _, trace_id, span_id, flags = traceparent.split("-")[:4]
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
