"""Spans as bytes, held against the SDK's own encoder."""

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status, StatusCode
from opentelemetry.trace import SpanKind as SdkKind

from rao_runtime.telemetry import otlp
from rao_runtime.telemetry.span import Attribute, Span, SpanEvent, SpanKind, SpanLink

RESOURCE = {"service.name": "rao", "deployment.environment.name": "prüfung"}
KINDS = {SpanKind.SERVER: SdkKind.SERVER, SpanKind.CLIENT: SdkKind.CLIENT, SpanKind.INTERNAL: SdkKind.INTERNAL}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
whole = st.integers(-(1 << 63), (1 << 63) - 1)
values = st.one_of(
    texts,
    st.booleans(),
    whole,
    st.floats(allow_nan=False),
    st.lists(texts, max_size=3).map(tuple),
    st.lists(whole, max_size=3).map(tuple),
)
attributes = st.dictionaries(keys, values, max_size=8)
moments = st.floats(0, 4e9)


def hex_id(digits: int) -> st.SearchStrategy[str]:
    return st.integers(1, 16**digits - 1).map(lambda number: f"{number:0{digits}x}")


events = st.builds(SpanEvent, name=texts, ts=moments, attributes=attributes)
links = st.builds(SpanLink, trace_id=hex_id(32), span_id=hex_id(16))
spans = st.builds(
    Span,
    trace_id=hex_id(32),
    span_id=hex_id(16),
    parent_id=st.none() | hex_id(16),
    name=texts,
    kind=st.sampled_from(SpanKind),
    start=moments,
    end=moments,
    attributes=attributes,
    events=st.lists(events, max_size=3),
    links=st.lists(links, max_size=2),
    error=st.none() | texts,
    message=st.none() | texts,
)


def context(trace_id: str, span_id: str, *, remote: bool = False) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=remote)


def as_sdk(span: Span) -> ReadableSpan:
    remote = span.kind is SpanKind.SERVER
    failed = span.error is not None
    return ReadableSpan(
        name=span.name,
        context=context(span.trace_id, span.span_id),
        parent=None if span.parent_id is None else context(span.trace_id, span.parent_id, remote=remote),
        resource=Resource(RESOURCE),
        attributes={**span.attributes, "error.type": span.error} if span.error is not None else span.attributes,
        events=[Event(each.name, each.attributes, round(each.ts * 1e9)) for each in span.events],
        links=[Link(context(link.trace_id, link.span_id)) for link in span.links],
        kind=KINDS[span.kind],
        status=Status(StatusCode.ERROR, span.message or None) if failed else Status(),
        start_time=round(span.start * 1e9),
        end_time=round(span.end * 1e9),
        instrumentation_scope=InstrumentationScope(otlp.SCOPE),
    )


def ours(given: Sequence[Span]) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(otlp.request(RESOURCE, list(map(otlp.encode, given))))


def plain(**told: Attribute) -> Span:
    return Span(
        trace_id="1" * 32,
        span_id="2" * 16,
        parent_id=None,
        name="n",
        kind=SpanKind.INTERNAL,
        start=1.0,
        end=2.0,
        attributes=told,
    )


@given(st.lists(spans, min_size=1, max_size=4))
def test_spans_are_written_as_the_sdk_writes_them(given: Sequence[Span]) -> None:
    assert ours(given) == encode_spans(list(map(as_sdk, given)))


@given(st.integers(1, 40_000))
def test_texts_of_any_length_arrive_whole(length: int) -> None:
    span = plain(long="ä" * length, short="ä" * (length % 70))
    (read,) = ours([span]).resource_spans[0].scope_spans[0].spans
    assert [len(pair.value.string_value) for pair in read.attributes] == [length, length % 70]


def test_what_no_reader_would_take_is_made_into_something_that_it_takes() -> None:
    span = plain(surrogate="a\ud800b", huge=1 << 70, tiny=-(1 << 70))
    (read,) = ours([span]).resource_spans[0].scope_spans[0].spans
    assert {pair.key: pair.value.string_value for pair in read.attributes} == {
        "surrogate": "a?b",
        "huge": str(1 << 70),
        "tiny": str(-(1 << 70)),
    }


def test_the_same_value_of_another_kind_is_not_taken_for_it() -> None:
    told: Mapping[str, Attribute] = {"whole": 1, "true": True, "number": 1.0, "text": "1"}
    (read,) = ours([plain(**told), plain(**told)]).resource_spans[0].scope_spans[0].spans[1:]
    kinds = {pair.key: pair.value.WhichOneof("value") for pair in read.attributes}
    assert kinds == {"whole": "int_value", "true": "bool_value", "number": "double_value", "text": "string_value"}
