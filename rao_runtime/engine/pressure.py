"""How hard the replicas' KV caches are pressed, and what follows for the number of trees that may send calls."""

from collections.abc import Callable, Mapping, Sequence

from rao_runtime.core.tree_cap import TreeCap
from rao_runtime.engine.replica import Replica
from rao_runtime.ports import Vitals


class Pressure:
    """Adds up what the replicas told since the last look."""

    def __init__(self) -> None:
        self._cap = TreeCap()
        self._last = dict[int, Vitals]()

    def limit(self, replicas: Sequence[Replica], active: int, now: float) -> int | None:
        """How many trees may send calls from now on (epoch s); None is no limit."""
        told = {replica.index: replica.vitals for replica in replicas if replica.is_open}
        queries = self._grown(told, lambda vitals: vitals.prefix_queries)
        open_loads = [replica.load for replica in replicas if replica.is_open]
        slots = sum(load.slots for load in open_loads)
        usages = [vitals.kv_usage for vitals in told.values() if vitals.kv_usage is not None]
        self._cap.observe(
            now,
            active=active,
            preempted=self._grown(told, lambda vitals: vitals.preemptions),
            kv_usage=max(usages, default=None),
            hit_rate=self._grown(told, lambda vitals: vitals.prefix_hits) / queries if queries else None,
            slots_busy=sum(load.in_flight for load in open_loads) / slots if slots else 0.0,
        )
        self._last = told
        return self._cap.limit

    def _grown(self, told: Mapping[int, Vitals], counter: Callable[[Vitals], int | None]) -> int:
        """What a counter grew by, all replicas together; one that started again counts from zero."""
        grown = 0
        for index, vitals in told.items():
            value, before = counter(vitals), counter(self._last.get(index, Vitals()))
            if value is not None and before is not None:
                grown += value - before if value >= before else value
        return grown
