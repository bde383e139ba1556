"""A node whose span is still open, and the tree it is in: what their spans need of the events so far, and no more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rao_runtime.core.events import Event
from rao_runtime.core.spent import Spent
from rao_runtime.telemetry import names
from rao_runtime.telemetry.span import Attribute, SpanEvent

# What OpenTelemetry's SDK keeps of a span's events, unless it is told otherwise.
MOST_EVENTS = 128


@dataclass(slots=True, kw_only=True)
class Trace:
    """One traced tree. Model and price are known once it has started. `content`: whether texts are told."""

    trace_id: str
    tree_id: str
    tenant: str
    created_at: float
    content: bool
    model: str | None
    price_version: str | None


@dataclass(slots=True)
class Happenings:
    """A node's span events, as many as a span takes: splits before all others, then the first ones."""

    splits: list[SpanEvent] = field(default_factory=list[SpanEvent])
    others: list[SpanEvent] = field(default_factory=list[SpanEvent])
    count: int = 0

    def add(self, event: SpanEvent) -> None:
        """Take one in, after those before it."""
        self.count += 1
        kept = self.splits if event.name == names.SPLIT else self.others
        if len(kept) < MOST_EVENTS:
            kept.append(event)

    def kept(self) -> Sequence[SpanEvent]:
        """Those that fit, by time."""
        others = self.others[: MOST_EVENTS - len(self.splits)]
        return tuple(sorted([*self.splits, *others], key=lambda event: event.ts))


@dataclass(slots=True, kw_only=True)
class OpenNode:
    """One node. `start` is never before its parent's, `latest` is the latest end of what ended below it.

    `own` sums up its attempts, `below` those of its descendants that have ended.
    """

    created: Event
    span_id: str
    parent: "OpenNode | None"
    start: float
    latest: float
    turns: int = 0
    own: Spent = Spent()
    below: Spent = Spent()
    happenings: Happenings = field(default_factory=Happenings)
    calls: dict[tuple[str, int], Event] = field(default_factory=dict[tuple[str, int], Event])
    tools: dict[str, Event] = field(default_factory=dict[str, Event])
    cell: Event | None = None

    def within(self, start: float, end: float) -> tuple[float, float]:
        """The interval of something below, such that it lies inside this one though the clocks of owners differ."""
        start = max(start, self.start)
        end = max(start, end)
        self.latest = max(self.latest, end)
        return start, end

    def happened(self, name: str, ts: float, attributes: Mapping[str, Attribute]) -> None:
        """Note an event of the span."""
        self.happenings.add(SpanEvent(name=name, ts=ts, attributes=attributes))
