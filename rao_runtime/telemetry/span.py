"""A finished span as a value: what OpenTelemetry's SDK is given to export, without the SDK."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

Attribute = str | int | float | bool | tuple[str, ...] | tuple[int, ...]


class SpanKind(StrEnum):
    """OpenTelemetry's kinds, as far as we have them."""

    SERVER = "server"
    CLIENT = "client"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanEvent:
    """Something that happened at one moment of a span. `ts` is epoch seconds."""

    name: str
    ts: float
    attributes: Mapping[str, Attribute] = field(default_factory=dict[str, Attribute])


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanLink:
    """Another span that has to do with one, in its own trace or another."""

    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span that has ended. `trace_id` is 32 hex digits, `span_id` and `parent_id` are 16; times are epoch seconds.

    `error` is its `error.type`, a word of a small set, and sets the status to ERROR; `message` says more in words.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: SpanKind
    start: float
    end: float
    attributes: Mapping[str, Attribute]
    events: Sequence[SpanEvent] = ()
    links: Sequence[SpanLink] = ()
    error: str | None = None
    message: str | None = None
