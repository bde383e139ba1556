"""OpenTelemetry's own environment variables, as far as they concern traces: read once, at the start.

Names and meaning are the specification's. Times are milliseconds there. A value that cannot be used stops the start,
since traces that are missed are missed when they are needed most.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from rao_runtime.core.errors import RaoError
from rao_runtime.telemetry.export import Bounds

E = TypeVar("E", bound=StrEnum)

SERVICE = "rao"
LOCAL_COLLECTOR = "http://localhost:4318"
TRACES_PATH = "/v1/traces"
HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Exporting(StrEnum):
    """Where spans go."""

    OTLP = "otlp"
    CONSOLE = "console"
    NONE = "none"


class Compression(StrEnum):
    """How what is posted is made smaller."""

    NONE = "none"
    GZIP = "gzip"
    DEFLATE = "deflate"


class SamplerName(StrEnum):
    """Which traces are kept. The `parentbased_` ones do what the caller did, where there is one."""

    ALWAYS_ON = "always_on"
    ALWAYS_OFF = "always_off"
    RATIO = "traceidratio"
    PARENT_ALWAYS_ON = "parentbased_always_on"
    PARENT_ALWAYS_OFF = "parentbased_always_off"
    PARENT_RATIO = "parentbased_traceidratio"


class Content(StrEnum):
    """Whether texts are told: on spans, or as events of the log, which we do not write."""

    TRUE = "true"
    SPAN_ONLY = "span_only"
    SPAN_AND_EVENT = "span_and_event"
    FALSE = "false"
    NO_CONTENT = "no_content"
    EVENT_ONLY = "event_only"


class BadVariable(RaoError):
    """An `OTEL_*` variable that cannot be used."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} (environment): {problem}; OTEL_SDK_DISABLED=true turns traces off")
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class OtlpSettings:
    """A collector and how to talk to it. Certificates are paths of PEM files; None: the system's, and none of ours."""

    endpoint: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    timeout_s: float = 10.0
    compression: Compression = Compression.NONE
    authorities: str | None = None
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingSettings:
    """What is traced and where it goes. `otlp` is None where spans are printed. `resource` describes the service: the
    same in every process of it, so that a span made again by another one is the same span.
    """

    otlp: OtlpSettings | None
    resource: Mapping[str, str]
    bounds: Bounds = Bounds()
    sampler: SamplerName = SamplerName.PARENT_ALWAYS_ON
    ratio: float = 1.0
    content: bool = False


def read(environ: Mapping[str, str]) -> TracingSettings | None:
    """The settings; None where nothing asks for traces: no endpoint and no exporter is named. Raises BadVariable."""
    return _Variables(environ).settings()


class _Variables:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._given = {name: text for name, value in environ.items() if (text := value.strip())}

    def settings(self) -> TracingSettings | None:
        exporting = self._exporting()
        if exporting is Exporting.NONE:
            return None
        return TracingSettings(
            otlp=self._otlp() if exporting is Exporting.OTLP else None,
            resource=self._resource(),
            bounds=self._bounds(),
            sampler=self._one_of(SamplerName, "OTEL_TRACES_SAMPLER", SamplerName.PARENT_ALWAYS_ON),
            ratio=self._ratio(),
            content=self._content(),
        )

    def _exporting(self) -> Exporting:
        if self._given.get("OTEL_SDK_DISABLED", "").lower() == "true":
            return Exporting.NONE
        endpoint = self._otlp_variable("ENDPOINT")
        asked = Exporting.NONE if endpoint is None else Exporting.OTLP
        return self._one_of(Exporting, "OTEL_TRACES_EXPORTER", asked)

    def _otlp(self) -> OtlpSettings:
        self._check_protocol()
        name, compression = self._otlp_variable("COMPRESSION") or ("", "none")
        if compression.lower() not in set(Compression):
            raise BadVariable(name, f"{compression!r} is not {_any_of(Compression)}")
        timeout = self._otlp_variable("TIMEOUT")
        return OtlpSettings(
            endpoint=self._endpoint(),
            headers=self._headers(),
            timeout_s=10.0 if timeout is None else _milliseconds(*timeout, least=100) / 1000,
            compression=Compression(compression.lower()),
            authorities=self._otlp_value("CERTIFICATE"),
            certificate=self._otlp_value("CLIENT_CERTIFICATE"),
            key=self._otlp_value("CLIENT_KEY"),
        )

    def _check_protocol(self) -> None:
        name, protocol = self._otlp_variable("PROTOCOL") or ("", "http/protobuf")
        if protocol.lower() != "http/protobuf":
            problem = f"{protocol!r} is not `http/protobuf`, all that is spoken here; collectors take that on port 4318"
            raise BadVariable(name, problem)

    def _endpoint(self) -> str:
        own = self._given.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        if own is not None:
            return _url("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", own)
        base = self._given.get("OTEL_EXPORTER_OTLP_ENDPOINT", LOCAL_COLLECTOR)
        return _url("OTEL_EXPORTER_OTLP_ENDPOINT", base).rstrip("/") + TRACES_PATH

    def _headers(self) -> dict[str, str]:
        found = self._otlp_variable("HEADERS")
        if found is None:
            return {}
        headers = _pairs(*found)
        if not all(HEADER.fullmatch(key) and value.isascii() and value.isprintable() for key, value in headers.items()):
            raise BadVariable(found[0], "a header has a name or a value that HTTP does not allow")
        return headers

    def _resource(self) -> dict[str, str]:
        name = "OTEL_RESOURCE_ATTRIBUTES"
        given = _pairs(name, self._given[name]) if name in self._given else {}
        service = self._given.get("OTEL_SERVICE_NAME") or given.get("service.name") or SERVICE
        return {**given, "service.name": service}

    def _bounds(self) -> Bounds:
        usual = Bounds()
        queue = self._whole("OTEL_BSP_MAX_QUEUE_SIZE", usual.queue_spans, least=1)
        batch = self._whole("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", min(usual.batch_spans, queue), least=1)
        if batch > queue:
            raise BadVariable("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", f"{batch} is more than the queue holds, {queue}")
        delay_ms = self._whole("OTEL_BSP_SCHEDULE_DELAY", int(usual.delay_s * 1000), least=1)
        retry_ms = self._whole("OTEL_BSP_EXPORT_TIMEOUT", int(usual.retry_s * 1000), least=1)
        return Bounds(queue_spans=queue, batch_spans=batch, delay_s=delay_ms / 1000, retry_s=retry_ms / 1000)

    def _ratio(self) -> float:
        name = "OTEL_TRACES_SAMPLER_ARG"
        text = self._given.get(name, "1")
        try:
            ratio = float(text)
        except ValueError:
            ratio = -1.0
        if not 0.0 <= ratio <= 1.0:
            raise BadVariable(name, f"{text!r} is not a share from 0 to 1")
        return ratio

    def _content(self) -> bool:
        name = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
        return self._one_of(Content, name, Content.FALSE) in {Content.TRUE, Content.SPAN_ONLY, Content.SPAN_AND_EVENT}

    def _one_of(self, options: type[E], name: str, default: E) -> E:
        text = self._given.get(name)
        if text is None:
            return default
        if text.lower() not in set(options):
            raise BadVariable(name, f"{text!r} is not {_any_of(options)}")
        return options(text.lower())

    def _whole(self, name: str, default: int, *, least: int) -> int:
        return _milliseconds(name, self._given[name], least=least) if name in self._given else default

    def _otlp_variable(self, last: str) -> tuple[str, str] | None:
        """Name and value: the one for traces alone, else the one for all signals."""
        for name in (f"OTEL_EXPORTER_OTLP_TRACES_{last}", f"OTEL_EXPORTER_OTLP_{last}"):
            if name in self._given:
                return name, self._given[name]
        return None

    def _otlp_value(self, last: str) -> str | None:
        found = self._otlp_variable(last)
        return None if found is None else found[1]


def _url(name: str, text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not text.isprintable() or " " in text:
        raise BadVariable(name, f"{text!r} is not a URL such as `{LOCAL_COLLECTOR}`")
    return text


def _pairs(name: str, text: str) -> dict[str, str]:
    """`key=value` with commas between, percent-encoded. The value may be a secret: it is not shown."""
    found = dict[str, str]()
    for number, item in enumerate([item.strip() for item in text.split(",") if item.strip()], start=1):
        key, equals, value = item.partition("=")
        if not (key.strip() and equals):
            raise BadVariable(name, f"item {number} is not `key=value`; the items stand between commas")
        found[unquote(key.strip())] = unquote(value.strip())
    return found


def _milliseconds(name: str, text: str, *, least: int) -> int:
    if not (text.isascii() and text.isdecimal() and least <= int(text[:18])):
        raise BadVariable(name, f"{text!r} is not a whole number of at least {least}; times are in milliseconds")
    return int(text[:18])


def _any_of(options: type[StrEnum]) -> str:
    return " or ".join(f"`{option.value}`" for option in options)
