"""Every metric of the runtime: name, meaning, unit. Knows nothing of what happens, only how it is counted."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from rao_runtime.core.state import TreeState


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
        self._in_flight = Gauge("rao_calls_in_flight", "Model calls at a replica", ["replica"], registry=registry)

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

    def look(self, *, active: int, queued: int, waiting: int, journal_ready: bool, in_flight: dict[str, int]) -> None:
        """Set what is true now."""
        self._active.set(active)
        self._queued.set(queued)
        self._waiting.set(waiting)
        self._journal.set(journal_ready)
        for replica, calls in in_flight.items():
            self._in_flight.labels(replica).set(calls)

    def text(self) -> str:
        """Prometheus' text format."""
        return generate_latest(self._registry).decode()
