"""OpenTelemetry's own variables, as an operator sets them."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.telemetry.otel_variables import BadVariable, Compression, OtlpSettings, SamplerName, read

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


def otlp(**variables: str) -> OtlpSettings:
    settings = read({**ENDPOINT, **variables})
    assert settings is not None
    assert settings.otlp is not None
    return settings.otlp


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_SERVICE_NAME": "x", "OTEL_TRACES_SAMPLER": "always_on"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
        {**ENDPOINT, "OTEL_SDK_DISABLED": "TRUE"},
        {**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://collector:4318/v1/metrics"},
    ],
)
def test_nothing_is_traced_unless_somebody_asks_for_it(environ: Mapping[str, str]) -> None:
    assert read(environ) is None


def test_an_endpoint_is_enough() -> None:
    settings = read(ENDPOINT)
    assert settings is not None
    assert settings.otlp is not None
    assert settings.otlp.endpoint == "http://collector:4318/v1/traces"
    assert settings.resource == {"service.name": "rao"}
    assert (settings.bounds.queue_spans, settings.bounds.batch_spans) == (65_536, 2_048)
    assert (settings.sampler, settings.content) == (SamplerName.PARENT_ALWAYS_ON, False)


def test_an_exporter_that_is_named_needs_no_endpoint() -> None:
    settings = read({"OTEL_TRACES_EXPORTER": "otlp"})
    assert settings is not None
    assert settings.otlp is not None
    assert settings.otlp.endpoint == "http://localhost:4318/v1/traces"
    printed = read({"OTEL_TRACES_EXPORTER": "console"})
    assert printed is not None
    assert printed.otlp is None


def test_the_endpoint_for_traces_wins_and_is_taken_as_it_is() -> None:
    assert otlp(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="https://c/in").endpoint == "https://c/in"
    assert otlp(OTEL_EXPORTER_OTLP_ENDPOINT="http://c/base/").endpoint == "http://c/base/v1/traces"


def test_how_to_send() -> None:
    found = otlp(
        OTEL_EXPORTER_OTLP_HEADERS="api-key=a%20b, x=1",
        OTEL_EXPORTER_OTLP_TIMEOUT="2500",
        OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        OTEL_EXPORTER_OTLP_TRACES_COMPRESSION="deflate",
        OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
    )
    assert found.headers == {"api-key": "a b", "x": "1"}
    assert (found.timeout_s, found.compression) == (2.5, Compression.DEFLATE)


def test_how_the_service_is_called() -> None:
    given = {**ENDPOINT, "OTEL_RESOURCE_ATTRIBUTES": "service.name=a,team=x%2Cy"}
    settings = read(given)
    assert settings is not None
    assert settings.resource == {"service.name": "a", "team": "x,y"}
    named = read({**given, "OTEL_SERVICE_NAME": "b"})
    assert named is not None
    assert named.resource["service.name"] == "b"


def test_how_much_waits() -> None:
    bounds = {"OTEL_BSP_MAX_QUEUE_SIZE": "500", "OTEL_BSP_SCHEDULE_DELAY": "250", "OTEL_BSP_EXPORT_TIMEOUT": "30000"}
    settings = read({**ENDPOINT, **bounds})
    assert settings is not None
    found = settings.bounds
    assert (found.queue_spans, found.batch_spans, found.delay_s, found.retry_s) == (500, 500, 0.25, 30.0)


@pytest.mark.parametrize(
    ("value", "content"),
    [("true", True), ("SPAN_ONLY", True), ("span_and_event", True), ("false", False), ("event_only", False)],
)
def test_texts_are_told_where_they_are_asked_for(value: str, *, content: bool) -> None:
    settings = read({**ENDPOINT, "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": value})
    assert settings is not None
    assert settings.content is content


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin", "`otlp` or `console` or `none`"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "`http/protobuf`"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "not a URL such as"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:port", "not a URL such as"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://", "not a URL such as"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10", "milliseconds"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "`none` or `gzip` or `deflate`"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=ok,topsecret", "item 2 is not `key=value`"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a b=topsecret", "HTTP does not allow"),
        ("OTEL_RESOURCE_ATTRIBUTES", "topsecret", "item 1"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "at least 1"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "70000", "more than the queue holds, 65536"),
        ("OTEL_BSP_SCHEDULE_DELAY", "soon", "milliseconds"),
        ("OTEL_TRACES_SAMPLER", "sometimes", "`parentbased_traceidratio`"),
        ("OTEL_TRACES_SAMPLER_ARG", "nan", "a share from 0 to 1"),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "all", "`span_only`"),
    ],
)
def test_a_value_that_cannot_be_used_is_told_in_a_sentence(name: str, value: str, says: str) -> None:
    with pytest.raises(BadVariable) as caught:
        read({**ENDPOINT, name: value})
    told = str(caught.value)
    assert told.startswith(f"{name} (environment): ")
    assert says in told
    assert "topsecret" not in told
    assert "OTEL_SDK_DISABLED=true" in told


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "OTEL_EXPORTER_OTLP_HEADERS",
                "OTEL_EXPORTER_OTLP_TIMEOUT",
                "OTEL_RESOURCE_ATTRIBUTES",
                "OTEL_BSP_MAX_QUEUE_SIZE",
                "OTEL_TRACES_SAMPLER_ARG",
                "OTEL_TRACES_EXPORTER",
            ]
        ),
        st.text(),
    )
)
def test_whatever_a_variable_holds_it_is_used_or_told(environ: Mapping[str, str]) -> None:
    try:
        read({**ENDPOINT, **environ})
    except BadVariable as error:
        named = error.name
    else:
        return
    assert named in environ
