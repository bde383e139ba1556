"""The runtime as the gateway sees it: submit trees, look at them, follow them, cancel them."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from rao_runtime.core.errors import TreeRunning, UnknownNode
from rao_runtime.core.events import Event, NodeDelta
from rao_runtime.core.limits import Ceilings
from rao_runtime.core.task import Task
from rao_runtime.core.usage_report import UsageQuery
from rao_runtime.engine import accounts
from rao_runtime.engine.admission import House
from rao_runtime.engine.catalog import Catalog
from rao_runtime.engine.engine import Accepted, Engine
from rao_runtime.engine.fleet import Fleet
from rao_runtime.engine.hosting import TreeHost
from rao_runtime.engine.housekeeping import Housekeeping
from rao_runtime.engine.reading import Reader
from rao_runtime.engine.submission import Submissions, Submitted
from rao_runtime.engine.tree import TreeRun
from rao_runtime.ports import Command, Dispatch, Model, RecordQuery, Retention, RunTree
from rao_runtime.telemetry.metrics import Metrics
from rao_runtime.telemetry.process_metrics import Look
from rao_runtime.telemetry.tracing import Tracing

__all__ = ["Runtime", "RuntimeSettings", "Submitted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSettings:
    """What an operator decides for the runtime as a whole."""

    ceilings: Ceilings = Ceilings()
    max_context_bytes: int = 8 << 20
    retention: Retention = Retention(trees=1_000, nodes=20_000, age_s=86_400.0)
    usage_kept_s: float = 400 * 86_400.0


class Runtime:
    """One process's part in the trees of a journal. `dispatch` hands trees to whoever runs them; `metrics` are those
    that observe the engine's trees.
    """

    def __init__(
        self,
        engine: Engine,
        catalog: Catalog,
        settings: RuntimeSettings,
        *,
        dispatch: Callable[[RunTree], Dispatch],
        new_tree_id: Callable[[], str],
        connect: Callable[[str], Model],
        begin: Callable[[Engine, Accepted], TreeRun] = TreeRun,
        metrics: Metrics | None = None,
    ) -> None:
        self._engine = engine
        self._catalog = catalog
        self._fleet = Fleet(engine.pool, engine.clock, connect)
        self._settings = settings
        self.metrics = metrics or Metrics(engine.clock)
        self.metrics.look_with(self._look)
        self._host = TreeHost(engine, begin, on_end=self._ended)
        self._dispatch = dispatch(self._host.run_tree)
        self._reader = Reader(engine, self._host.running)
        self._housekeeping = Housekeeping(
            engine,
            self._dispatch,
            settings.retention,
            running=self._host.running,
            forget=self._reader.forget,
            usage_kept_s=settings.usage_kept_s,
        )
        self._submissions = Submissions(
            engine, self._host, self._dispatch, self._housekeeping, house=self._house, new_tree_id=new_tree_id
        )

    async def submit(
        self, task: Task, *, tenant: str = "default", key: str | None = None, fingerprint: str = ""
    ) -> Submitted:
        """Accept a task and have it run. Raises InvalidRequest, KeyReused, Overloaded; then nothing is left behind."""
        return await self._submissions.submit(task, tenant=tenant, key=key, fingerprint=fingerprint)

    # --- look ---------------------------------------------------------------------------------------------------------

    async def tree(self, tree_id: str, *, tenant: str = "default", nodes: bool = False) -> dict[str, Any]:
        """The tree of api.md. Raises UnknownTree."""
        return await self._reader.tree(tree_id, tenant=tenant, nodes=nodes)

    async def node(self, tree_id: str, node_id: str, *, tenant: str = "default") -> dict[str, Any]:
        """One node with its turns. Raises UnknownTree, UnknownNode."""
        return await self._reader.node(tree_id, node_id, tenant=tenant)

    async def analysis(self, tree_id: str, *, tenant: str = "default", baseline: str | None = None) -> dict[str, Any]:
        """What recursion was worth in it, and what looks wrong. Raises UnknownTree."""
        return await self._reader.analysis(tree_id, tenant=tenant, baseline=baseline)

    async def trees(
        self, *, tenant: str = "default", limit: int, after: str | None = None, status: str | None = None
    ) -> dict[str, Any]:
        """A page of the tenant's trees, newest first. Raises InvalidRequest for a bad cursor."""
        return await self._reader.trees(tenant=tenant, limit=limit, after=after, status=status)

    async def wait(self, tree_id: str, *, tenant: str = "default", timeout_s: float) -> dict[str, Any] | None:
        """The tree once it has ended; None when that takes longer. Raises UnknownTree."""
        return await self._reader.wait(tree_id, tenant=tenant, timeout_s=timeout_s)

    def events(
        self, tree_id: str, *, tenant: str = "default", after: int = 0, deltas: bool = False
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[Event | NodeDelta]]]:
        """Batches of events after `after`, then live ones; never ends by itself. Raises UnknownTree on entering."""
        return self._reader.events(tree_id, tenant=tenant, after=after, deltas=deltas)

    async def last_seq(self, tree_id: str, *, tenant: str = "default") -> tuple[int, bool]:
        """The newest event's `seq`, and whether it is the terminal one. Raises UnknownTree."""
        return await self._reader.last_seq(tree_id, tenant=tenant)

    # --- the ledger ---------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """The runtime's own time, in epoch seconds."""
        return self._engine.clock.now()

    async def usage(self, query: UsageQuery) -> dict[str, Any]:
        """What was used and what it cost. Raises InvalidRequest, JournalUnavailable."""
        return await accounts.usage(self._engine.ledger, query)

    async def usage_records(self, query: RecordQuery, *, limit: int, after: str | None = None) -> dict[str, Any]:
        """A page of the ledger's records, oldest first. Raises InvalidRequest for a bad cursor, JournalUnavailable."""
        return await accounts.records(self._engine.ledger, query, limit=limit, after=after)

    # --- act ----------------------------------------------------------------------------------------------------------

    async def cancel(self, tree_id: str, node_id: str | None = None, *, tenant: str = "default") -> None:
        """Have the tree, or one node with all below it, cancelled. Idempotent. Raises UnknownTree, UnknownNode."""
        await self._reader.own(tree_id, tenant)
        if node_id is not None and node_id not in (await self._reader.state(tree_id)).nodes:
            raise UnknownNode(tree_id, node_id)
        _, ended = await self.last_seq(tree_id, tenant=tenant)
        if ended:
            return
        await self._engine.journal.send(tree_id, Command("cancel", node_id))
        if node_id is None:
            self._dispatch.expedite(tree_id)

    async def delete(self, tree_id: str, *, tenant: str = "default") -> None:
        """Erase an ended tree. Raises UnknownTree, TreeRunning."""
        _, ended = await self.last_seq(tree_id, tenant=tenant)
        if not ended:
            raise TreeRunning(tree_id)
        await self._housekeeping.erase(tree_id)

    async def recover(self) -> None:
        """Have the trees run on that an earlier process left, and put the store in order."""
        await self._housekeeping.sweep()

    async def keep_house(self) -> None:
        """Recover, now and every so often, until cancelled."""
        await self._housekeeping.watch()

    async def drain(self) -> None:
        """Take no more trees."""
        self._dispatch.close()

    async def stop(self) -> None:
        """Let all trees go, for whoever claims them next, and wait until they are gone from here."""
        self._host.let_go()
        await self._dispatch.stop()

    @property
    def tracing(self) -> Tracing:
        """Where spans of requests go, and which of them are wanted."""
        return self._engine.tracing

    @property
    def is_idle(self) -> bool:
        """Whether no tree runs here."""
        return not self._dispatch.active

    # --- the server itself --------------------------------------------------------------------------------------------

    def profiles(self) -> list[dict[str, Any]]:
        """The models that can be asked for."""
        return self._catalog.as_dicts(self._engine.clock.now())

    def tools(self) -> list[dict[str, Any]]:
        """The tools a task may name."""
        return [spec.as_dict() for spec in self._engine.toolbox.specs()]

    def replicas(self) -> list[dict[str, Any]]:
        """This process's replicas, those that are down as well."""
        return self._fleet.views()

    def replica(self, replica_id: str) -> dict[str, Any]:
        """One of them. Raises UnknownReplica."""
        return self._fleet.view(replica_id)

    async def add_replica(self, url: str, *, slots: int | None = None) -> dict[str, Any]:
        """Take in the server at this URL. Raises ReplicaKnown."""
        return await self._fleet.add(url, slots=slots)

    def drain_replica(self, replica_id: str) -> dict[str, Any]:
        """Drop a replica once the calls it has are answered. Raises UnknownReplica."""
        return self._fleet.drain(replica_id)

    def readiness(self) -> dict[str, Any]:
        """Whether this process takes trees; replicas are detail, since trees wait for them."""
        health = self._engine.journal.health()
        return {
            "ready": health.ready and not self._dispatch.closed,
            "draining": self._dispatch.closed,
            "journal": {"kind": health.kind, "ready": health.ready, "detail": health.detail},
            "trees": {"active": self._dispatch.active, "queued": self._dispatch.queued},
            "replicas": self._fleet.views(),
        }

    def metrics_text(self) -> str:
        """Prometheus' text format."""
        return self.metrics.text()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _look(self) -> Look:
        """This process now. Other threads ask too: what is gone over is copied first."""
        pool, running = self._engine.pool, tuple(self._host.running.values())
        # A tree that is being read has no time yet.
        begun = [run.state.created_at for run in running if run.state.created_at]
        return Look(
            trees_active=self._dispatch.active,
            trees_queued=self._dispatch.queued,
            oldest_tree_s=max(0.0, self._engine.clock.now() - min(begun)) if begun else 0.0,
            trees_capped_at=pool.tree_limit,
            calls_waiting=pool.queued,
            journal_ready=self._engine.journal.health().ready,
            prefix=pool.prefix,
            replicas=self._fleet.gauges(),
        )

    def _house(self, task: Task) -> House:
        return House(
            ceilings=self._settings.ceilings,
            max_context_bytes=self._settings.max_context_bytes,
            profile=self._catalog.profile_at(task.model, self._engine.clock.now()),
            known_models=self._catalog.known(),
            all_models_known=self._engine.pool.roster.all_known(),
            tools=frozenset(tool["name"] for tool in self.tools()),
        )

    async def _ended(self, run: TreeRun) -> None:
        self._reader.keep(run.state)
        await self._housekeeping.make_room()
