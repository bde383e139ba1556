"""Every metric of the runtime: name, meaning, unit. Knows nothing of what happens, only how it is counted."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from rao_runtime.core.state import TreeState


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaGauges:
    """One replica at this moment; `kv_usage` is from 0 to 1, None where it does not tell."""

    name: str
    ready: bool
    in_flight: int
    kv_usage: float | None


class Metrics:
    """Counts ended trees and what they used; gauges are set when somebody looks."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        registry = self._registry
        self._trees = Counter("rao_trees", "Trees that ended, by status", ["status"], registry=registry)
        self._nodes = Counter("rao_nodes", "Nodes of ended trees, by status", ["status"], registry=registry)
        self._calls = Counter("rao_calls", "Model calls of ended trees that reached a replica", registry=registry)
        self._tokens = Counter("rao_tokens", "Tokens of ended trees, by kind", ["kind"], registry=registry)
        self._active = Gauge("rao_trees_active", "Trees that run now", registry=registry)
        self._queued = Gauge("rao_trees_queued", "Trees that wait to run", registry=registry)
        self._waiting = Gauge("rao_calls_waiting", "Model calls that wait for a slot", registry=registry)
        self._journal = Gauge("rao_journal_ready", "Whether the journal takes writes: 1 or 0", registry=registry)
        self._takeovers = Counter("rao_takeovers", "Trees taken over from an earlier owner", registry=registry)
        self._capped = Gauge("rao_trees_capped_at", "Trees that may send calls under KV pressure", registry=registry)
        self._in_flight = Gauge("rao_calls_in_flight", "Model calls at a replica", ["replica"], registry=registry)
        self._ready = Gauge("rao_replica_ready", "Whether it may get calls: 1 or 0", ["replica"], registry=registry)
        self._kv = Gauge("rao_replica_kv_usage", "Share of its KV cache in use", ["replica"], registry=registry)
        self._prefix_told: Mapping[str, int] = {}
        self._prefix = Counter(
            "rao_prefix_tokens",
            "Cached prompt tokens, expected and as replicas told",
            ["by"],
            registry=registry,
        )

    def tree_ended(self, state: TreeState) -> None:
        """Book an ended tree."""
        self._trees.labels(str(state.status)).inc()
        for node in state.nodes.values():
            self._nodes.labels(node.status.value).inc()
        usage = state.usage
        self._calls.inc(usage.calls)
        self._tokens.labels("input").inc(usage.input_tokens)
        self._tokens.labels("cached").inc(usage.cached_tokens)
        self._tokens.labels("output").inc(usage.output_tokens)
        self._tokens.labels("wasted").inc(usage.wasted_tokens)

    def tree_resumed(self) -> None:
        """Book a tree that was taken over from an earlier owner."""
        self._takeovers.inc()

    def look(self, *, active: int, queued: int, journal_ready: bool) -> None:
        """Set what is true of trees now."""
        self._active.set(active)
        self._queued.set(queued)
        self._journal.set(journal_ready)

    def look_at_pool(
        self, *, waiting: int, capped_at: int | None, prefix: Mapping[str, int], replicas: Sequence[ReplicaGauges]
    ) -> None:
        """Set what is true of calls and replicas now; `prefix` has cached tokens since the start, by who says so."""
        for by, tokens in prefix.items():
            self._prefix.labels(by).inc(tokens - self._prefix_told.get(by, 0))
        self._prefix_told = dict(prefix)
        self._waiting.set(waiting)
        self._capped.set(math.inf if capped_at is None else capped_at)
        for gauge in (self._in_flight, self._ready, self._kv):
            gauge.clear()
        for replica in replicas:
            self._in_flight.labels(replica.name).set(replica.in_flight)
            self._ready.labels(replica.name).set(replica.ready)
            if replica.kv_usage is not None:
                self._kv.labels(replica.name).set(replica.kv_usage)

    def text(self) -> str:
        """Prometheus' text format."""
        return generate_latest(self._registry).decode()
