"""The runtime as the gateway sees it: submit trees, look at them, follow them, cancel them."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from rao_runtime.core.errors import Overloaded, TreeRunning, UnknownNode, UnknownTree
from rao_runtime.core.events import SCHEMA_VERSION, Event, EventType, NodeDelta
from rao_runtime.core.ids import trace_id
from rao_runtime.core.limits import Ceilings
from rao_runtime.core.state import TreeState, fold
from rao_runtime.core.task import Task
from rao_runtime.core.transitions import ENDED, Status
from rao_runtime.core.view import node_detail, tree_view
from rao_runtime.engine import contexts
from rao_runtime.engine.admission import House, admit
from rao_runtime.engine.catalog import Catalog
from rao_runtime.engine.dispatch import LocalDispatch
from rao_runtime.engine.tree import Accepted, Engine, TreeRun
from rao_runtime.ports import Command, TreeEntry
from rao_runtime.telemetry import Metrics

# Folding this many events takes some 50 ms: more is done beside the event loop.
FOLD_INLINE = 2_000
STATES_KEPT = 64


@dataclass(frozen=True, slots=True)
class Submitted:
    """The tree a submit led to; `replayed` when an idempotency key had made it earlier."""

    tree_id: str
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSettings:
    """What an operator decides for the runtime as a whole."""

    ceilings: Ceilings = Ceilings()
    max_context_bytes: int = 8 << 20
    max_active_trees: int = 1_000
    max_queued_trees: int = 10_000
    retain_trees: int = 1_000
    retain_nodes: int = 20_000
    retain_s: float = 86_400.0


class Runtime:
    """One process's trees over an engine's ports."""

    def __init__(
        self,
        engine: Engine,
        catalog: Catalog,
        settings: RuntimeSettings,
        *,
        new_tree_id: Callable[[], str],
        begin: Callable[[Engine, Accepted], TreeRun] = TreeRun,
    ) -> None:
        self._engine = engine
        self._catalog = catalog
        self._settings = settings
        self._new_tree_id = new_tree_id
        self._begin = begin
        self._metrics = Metrics()
        self._waiting = dict[str, Accepted]()
        self._running = dict[str, TreeRun]()
        self._ended = OrderedDict[str, TreeState]()
        self._nodes_kept = dict[str, int]()
        self._dispatch = LocalDispatch(
            self._run_tree, max_active=settings.max_active_trees, max_queued=settings.max_queued_trees
        )

    # --- submit -------------------------------------------------------------------------------------------------------

    async def submit(
        self, task: Task, *, tenant: str = "default", key: str | None = None, fingerprint: str = ""
    ) -> Submitted:
        """Accept a task and have it run. Raises InvalidRequest, KeyReused, Overloaded; then nothing is left behind."""
        admit(task, self._house(task))
        self._dispatch.check_room()
        tree_id, now = self._new_tree_id(), self._engine.clock.now()
        entry = TreeEntry(tree_id=tree_id, tenant=tenant, status=Status.SUBMITTED.value, created_at=now)
        earlier = await self._engine.index.add(entry, key=key, fingerprint=fingerprint)
        if earlier is not None:
            return Submitted(earlier, replayed=True)
        claim = await self._engine.journal.claim(tree_id)
        created = Event(
            seq=1, type=EventType.TREE_CREATED, tree_id=tree_id, ts=now, data=self._created(task, tree_id, tenant)
        )
        await self._engine.journal.append(tree_id, claim.fence, [created])
        self._waiting[tree_id] = Accepted(tree_id=tree_id, tenant=tenant, task=task)
        try:
            await self._dispatch.submit(tree_id)
        except Overloaded:
            del self._waiting[tree_id]
            await self._erase(tree_id)
            raise
        return Submitted(tree_id, replayed=False)

    def _house(self, task: Task) -> House:
        return House(
            ceilings=self._settings.ceilings,
            max_context_bytes=self._settings.max_context_bytes,
            profile=self._catalog.profile_now(task.model),
            known_models=self._catalog.known(),
            all_models_known=self._engine.pool.all_known(),
            tools=frozenset(tool["name"] for tool in self.tools()),
        )

    def _created(self, task: Task, tree_id: str, tenant: str) -> dict[str, Any]:
        profile = self._catalog.profile_now(task.model)
        size = contexts.size_of(task.context)
        request = {
            "goal": task.goal,
            "context": None if task.context is None else {"sha256": size.sha256, "chars": size.chars},
            "mode": task.mode.value,
            "auto_fraction": task.auto_fraction,
            "expected_output_tokens": task.expected_output_tokens,
            "model": task.model,
            "answer_schema": task.answer_schema,
            "check": task.check,
            "limits": task.limits.as_dict(),
            "sampling": task.sampling.as_dict(),
            "tools": list(task.tools),
            "priority": task.priority,
            "metadata": dict(task.metadata),
        }
        return {
            "request": request,
            "limits": task.limits.as_dict(),
            "model": None if profile is None else profile.model,
            "price_version": None if profile is None or profile.price is None else profile.price.version,
            "tenant": tenant,
            "trace_id": trace_id(tree_id, task.traceparent),
            "versions": {"schema": SCHEMA_VERSION, "runtime": self._engine.version},
        }

    async def _run_tree(self, tree_id: str) -> None:
        run = self._begin(self._engine, self._seeded(self._waiting.pop(tree_id)))
        self._running[tree_id] = run
        try:
            await run.run()
        finally:
            del self._running[tree_id]
        if run.ended:
            self._keep(run.state)
            self._metrics.tree_ended(run.state)
            await self._make_room(tree_id, len(run.state.nodes))

    # --- look ---------------------------------------------------------------------------------------------------------

    async def tree(self, tree_id: str, *, tenant: str = "default", nodes: bool = False) -> dict[str, Any]:
        """The tree of api.md. Raises UnknownTree."""
        await self._own(tree_id, tenant)
        run = self._running.get(tree_id)
        now = self._engine.clock.now()
        if run is not None and run.state.status is not None:
            return tree_view(run.state, now=now, nodes=nodes)
        last = await self._engine.journal.last(tree_id)
        if last is not None and last.is_end and not nodes:
            return dict(last.data)
        state = await self._state(tree_id)
        if nodes and len(state.nodes) > FOLD_INLINE // 10:
            return await asyncio.to_thread(tree_view, state, now=now, nodes=True)
        return tree_view(state, now=now, nodes=nodes)

    async def node(self, tree_id: str, node_id: str, *, tenant: str = "default") -> dict[str, Any]:
        """One node with its turns. Raises UnknownTree, UnknownNode."""
        await self._own(tree_id, tenant)
        state = await self._state(tree_id)
        node = state.nodes.get(node_id)
        if node is None:
            raise UnknownNode(tree_id, node_id)
        return node_detail(state, node, self._engine.clock.now())

    async def trees(
        self, *, tenant: str = "default", limit: int, after: str | None = None, status: str | None = None
    ) -> dict[str, Any]:
        """A page of the tenant's trees, newest first. Raises InvalidRequest for a bad cursor."""
        entries, cursor = await self._engine.index.page(tenant, limit=limit, after=after, status=status)
        data = list[dict[str, Any]]()
        for entry in entries:
            # One that was erased since the page was made is no reason to refuse the others.
            with suppress(UnknownTree):
                data.append(await self.tree(entry.tree_id, tenant=tenant))
        return {"data": data, "next_cursor": cursor, "has_more": cursor is not None}

    async def wait(self, tree_id: str, *, tenant: str = "default", timeout_s: float) -> dict[str, Any] | None:
        """The tree once it has ended; None when that takes longer. Raises UnknownTree."""
        seq, ended = await self.last_seq(tree_id, tenant=tenant)
        if not ended:
            try:
                async with asyncio.timeout(timeout_s), self._engine.journal.follow(tree_id, seq) as batches:
                    async for batch in batches:
                        if isinstance(batch[-1], Event) and batch[-1].is_end:
                            break
            except TimeoutError:
                return None
        return await self.tree(tree_id, tenant=tenant)

    @asynccontextmanager
    async def events(
        self, tree_id: str, *, tenant: str = "default", after: int = 0, deltas: bool = False
    ) -> AsyncGenerator[AsyncIterator[Sequence[Event | NodeDelta]], None]:
        """Batches of events after `after`, then live ones; never ends by itself. Raises UnknownTree on entering."""
        await self._own(tree_id, tenant)
        async with self._engine.journal.follow(tree_id, after, deltas=deltas) as batches:
            yield batches

    async def last_seq(self, tree_id: str, *, tenant: str = "default") -> tuple[int, bool]:
        """The newest event's `seq`, and whether it is the terminal one. Raises UnknownTree."""
        await self._own(tree_id, tenant)
        last = await self._engine.journal.last(tree_id)
        return (0, False) if last is None else (last.seq, last.is_end)

    # --- act ----------------------------------------------------------------------------------------------------------

    async def cancel(self, tree_id: str, node_id: str | None = None, *, tenant: str = "default") -> None:
        """Have the tree, or one node with all below it, cancelled. Idempotent. Raises UnknownTree, UnknownNode."""
        await self._own(tree_id, tenant)
        if node_id is not None and node_id not in (await self._state(tree_id)).nodes:
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
        await self._erase(tree_id)

    async def drain(self) -> None:
        """Take no more trees."""
        self._dispatch.close()

    async def stop(self) -> None:
        """Cancel all trees and wait until they are gone."""
        await self._dispatch.stop()

    @property
    def is_idle(self) -> bool:
        """Whether no tree runs or waits."""
        return not self._dispatch.active and not self._dispatch.queued

    # --- the server itself --------------------------------------------------------------------------------------------

    def profiles(self) -> list[dict[str, Any]]:
        """The models that can be asked for."""
        return self._catalog.as_dicts()

    def tools(self) -> list[dict[str, Any]]:
        """The tools a task may name."""
        return []

    def readiness(self) -> dict[str, Any]:
        """Whether this process takes trees; replicas are detail, since trees wait for them."""
        replicas = [
            {
                "name": replica.model.name,
                "healthy": replica.healthy,
                "in_flight": replica.in_flight,
                "slots": replica.slots,
                "models": [served.id for served in replica.served or ()],
            }
            for replica in self._engine.pool.replicas
        ]
        return {
            "ready": not self._dispatch.closed,
            "draining": self._dispatch.closed,
            "journal": {"kind": "memory", "ready": True},
            "trees": {"active": self._dispatch.active, "queued": self._dispatch.queued},
            "replicas": replicas,
        }

    def metrics_text(self) -> str:
        """Prometheus' text format."""
        pool = self._engine.pool
        self._metrics.look(
            active=self._dispatch.active,
            queued=self._dispatch.queued,
            waiting=pool.queued,
            in_flight={replica.model.name: replica.in_flight for replica in pool.replicas},
        )
        return self._metrics.text()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _seeded(self, accepted: Accepted) -> Accepted:
        """A task without a seed gets its tree's, so that its calls can be told apart and drawn again."""
        sampling = accepted.task.sampling
        if sampling.seed is not None:
            return accepted
        seed = int.from_bytes(hashlib.blake2b(accepted.tree_id.encode(), digest_size=4).digest())
        return replace(accepted, task=replace(accepted.task, sampling=replace(sampling, seed=seed)))

    async def _own(self, tree_id: str, tenant: str) -> None:
        entry = await self._engine.index.get(tree_id)
        if entry is None or entry.tenant != tenant:
            raise UnknownTree(tree_id)

    async def _state(self, tree_id: str) -> TreeState:
        run = self._running.get(tree_id)
        if run is not None and run.state.status is not None:
            return run.state
        if tree_id in self._ended:
            self._ended.move_to_end(tree_id)
            return self._ended[tree_id]
        events = await self._engine.journal.read(tree_id)
        state = fold(tree_id, events) if len(events) < FOLD_INLINE else await asyncio.to_thread(fold, tree_id, events)
        if state.status in ENDED:
            self._keep(state)
        return state

    def _keep(self, state: TreeState) -> None:
        self._ended[state.tree_id] = state
        while len(self._ended) > STATES_KEPT:
            self._ended.popitem(last=False)

    async def _make_room(self, tree_id: str, nodes: int) -> None:
        """Erase ended trees that are too old or too many, by count or by size; never the newest."""
        retain = self._settings
        self._nodes_kept[tree_id] = nodes
        for old in self._engine.index.to_drop(retain_trees=retain.retain_trees, retain_s=retain.retain_s):
            await self._erase(old)
        while sum(self._nodes_kept.values()) > retain.retain_nodes and len(self._nodes_kept) > 1:
            await self._erase(next(iter(self._nodes_kept)))

    async def _erase(self, tree_id: str) -> None:
        self._ended.pop(tree_id, None)
        self._nodes_kept.pop(tree_id, None)
        await self._engine.index.remove(tree_id)
        await self._engine.blobs.delete(tree_id)
        await self._engine.journal.delete(tree_id)
