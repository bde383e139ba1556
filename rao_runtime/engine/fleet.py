"""The replicas as operators see and change them while the server runs."""

from collections.abc import Callable, Sequence
from typing import Any

from rao_runtime.core.errors import ReplicaKnown, UnknownReplica
from rao_runtime.engine.pool import Pool
from rao_runtime.engine.replica import Replica
from rao_runtime.ports import Clock, Model
from rao_runtime.telemetry.process_metrics import ReplicaGauges


class Fleet:
    """`connect` makes the adapter for a URL; it does not wait for an answer."""

    def __init__(self, pool: Pool, clock: Clock, connect: Callable[[str], Model]) -> None:
        self._pool = pool
        self._clock = clock
        self._connect = connect

    def views(self) -> list[dict[str, Any]]:
        """All replicas, in the order they came."""
        return [replica.view(self._clock.now()) for replica in self._pool.roster.replicas]

    def view(self, replica_id: str) -> dict[str, Any]:
        """One of them. Raises UnknownReplica."""
        return self._found(replica_id).view(self._clock.now())

    def gauges(self) -> Sequence[ReplicaGauges]:
        """All of them, as they are measured."""
        return [
            ReplicaGauges(
                name=replica.name,
                ready=replica.is_open,
                in_flight=replica.load.in_flight,
                kv_usage=replica.vitals.kv_usage,
            )
            for replica in self._pool.roster.replicas
        ]

    async def add(self, url: str, *, slots: int | None = None) -> dict[str, Any]:
        """Take in the server at this URL; it gets calls once it answers. Raises ReplicaKnown."""
        model = self._connect(url)
        for replica in self._pool.roster.replicas:
            if replica.name == model.name and not replica.draining:
                await model.aclose()
                raise ReplicaKnown(url, replica.id)
        return self._pool.roster.add(model, slots=slots).view(self._clock.now())

    def drain(self, replica_id: str) -> dict[str, Any]:
        """Give it no new calls, and drop it after its last. Idempotent while it lasts. Raises UnknownReplica."""
        replica = self._found(replica_id)
        self._pool.roster.drain(replica)
        return replica.view(self._clock.now())

    def _found(self, replica_id: str) -> Replica:
        for replica in self._pool.roster.replicas:
            if replica.id == replica_id:
                return replica
        raise UnknownReplica(replica_id)
