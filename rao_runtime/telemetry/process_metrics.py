"""What is true of a process when somebody looks: trees, calls, replicas, the journal, spans."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rao_runtime.telemetry.instruments import Instruments, Kind, Values
from rao_runtime.telemetry.names import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaGauges:
    """One replica at this moment; `kv_usage` is from 0 to 1, None where it does not tell."""

    name: str
    ready: bool
    in_flight: int
    kv_usage: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A process at this moment. `prefix` has cached prompt tokens since the start, by who says so."""

    trees_active: int = 0
    trees_queued: int = 0
    oldest_tree_s: float = 0.0
    trees_capped_at: int | None = None
    calls_waiting: int = 0
    journal_ready: bool = False
    prefix: Mapping[str, int] = field(default_factory=dict[str, int])
    replicas: Sequence[ReplicaGauges] = ()


class ProcessMetrics:
    """Gauges of one process. `spans` tells how many were exported, and how many dropped, since the start."""

    def __init__(self, book: Instruments, *, spans: Callable[[], tuple[int, int]]) -> None:
        self.look: Callable[[], Look] = Look
        self._make_gauges(book)
        self._make_replicas(book)
        self._make_counters(book, spans)

    def _make_gauges(self, book: Instruments) -> None:
        def gauge(name: Metric, unit: str, text: str, value: Callable[[Look], float]) -> None:
            book.observed(Kind.GAUGE, name, unit, text, (), lambda: _one(value(self.look())))

        gauge(Metric.TREES_ACTIVE, "{tree}", "Trees that run now", lambda now: now.trees_active)
        gauge(Metric.TREES_QUEUED, "{tree}", "Trees that wait to run", lambda now: now.trees_queued)
        gauge(Metric.OLDEST_TREE_AGE, "s", "Age of the oldest tree that runs", lambda now: now.oldest_tree_s)
        gauge(Metric.TREES_CAPPED_AT, "{tree}", "Trees that may send calls under KV pressure", _cap)
        gauge(Metric.CALLS_WAITING, "{call}", "Model calls that wait for a slot", lambda now: now.calls_waiting)
        gauge(Metric.JOURNAL_READY, "1", "Whether the journal takes writes: 1 or 0", lambda now: now.journal_ready)

    def _make_replicas(self, book: Instruments) -> None:
        def gauge(name: Metric, unit: str, text: str, value: Callable[[ReplicaGauges], float | None]) -> None:
            book.observed(Kind.GAUGE, name, unit, text, ("replica",), lambda: self._by_replica(value))

        gauge(Metric.CALLS_IN_FLIGHT, "{call}", "Model calls at a replica", lambda replica: replica.in_flight)
        gauge(Metric.REPLICA_READY, "1", "Whether it may get calls: 1 or 0", lambda replica: replica.ready)
        gauge(Metric.REPLICA_KV_USAGE, "1", "Share of its KV cache in use", lambda replica: replica.kv_usage)

    def _make_counters(self, book: Instruments, spans: Callable[[], tuple[int, int]]) -> None:
        def counter(name: Metric, unit: str, text: str, values: Callable[[], Values], *labels: str) -> None:
            book.observed(Kind.COUNTER, name, unit, text, labels, values)

        text = "Cached prompt tokens, expected and as replicas told"
        counter(Metric.PREFIX_TOKENS, "{token}", text, self._prefix, "by")
        counter(Metric.SPANS_EXPORTED, "{span}", "Spans that were exported", lambda: _one(spans()[0]))
        text = "Spans that were lost: too many waited, or the collector did not take them"
        counter(Metric.SPANS_DROPPED, "{span}", text, lambda: _one(spans()[1]))

    def _prefix(self) -> Values:
        return [((by,), float(tokens)) for by, tokens in self.look().prefix.items()]

    def _by_replica(self, value: Callable[[ReplicaGauges], float | None]) -> Values:
        told = [((replica.name,), value(replica)) for replica in self.look().replicas]
        return [(labels, float(each)) for labels, each in told if each is not None]


def _one(value: float) -> Values:
    return [((), float(value))]


def _cap(now: Look) -> float:
    return math.inf if now.trees_capped_at is None else now.trees_capped_at
