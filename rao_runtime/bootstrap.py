"""Settings become adapters, adapters an engine: the only place that chooses."""

import os
import random
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rao_runtime import __version__
from rao_runtime.adapters.clock import SystemClock, new_tree_id
from rao_runtime.adapters.embedded_valkey import EmbeddedValkey
from rao_runtime.adapters.entry_point_tools import EntryPointTools
from rao_runtime.adapters.local_replicas import LocalReplicas
from rao_runtime.adapters.memory_blobs import MemoryBlobs
from rao_runtime.adapters.memory_index import MemoryIndex
from rao_runtime.adapters.memory_journal import MemoryJournal
from rao_runtime.adapters.memory_ledger import MemoryLedger
from rao_runtime.adapters.monty import SANDBOX_NOTES, MontySandbox
from rao_runtime.adapters.nano_model import SLOTS as NANO_SLOTS
from rao_runtime.adapters.nano_model import nano_models
from rao_runtime.adapters.openai_http import OpenAiReplica
from rao_runtime.adapters.openai_reading import Patience
from rao_runtime.adapters.redis_blobs import RedisBlobs
from rao_runtime.adapters.redis_index import RedisIndex
from rao_runtime.adapters.redis_journal import RedisJournal
from rao_runtime.adapters.redis_ledger import RedisLedger
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.adapters.replica_place import LocalServing
from rao_runtime.config import Settings
from rao_runtime.config.settings import OrderName, PlacementName
from rao_runtime.core.affinity import Affinity
from rao_runtime.core.placement import LeastInFlight, Placement
from rao_runtime.core.retry import RetryPolicy
from rao_runtime.core.round_robin import RoundRobin
from rao_runtime.engine.attendant import Attendant
from rao_runtime.engine.background import in_background
from rao_runtime.engine.catalog import Catalog
from rao_runtime.engine.dispatch import LocalDispatch
from rao_runtime.engine.engine import Engine
from rao_runtime.engine.pool import Pool
from rao_runtime.engine.prompt import Prompt
from rao_runtime.engine.prompts import warm_up
from rao_runtime.engine.runtime import Runtime, RuntimeSettings
from rao_runtime.engine.tree_context import NodeSettings
from rao_runtime.engine.upkeep import UpkeepBooks
from rao_runtime.ports import (
    Blobs,
    CellLimits,
    Clock,
    Dispatch,
    Journal,
    Ledger,
    Model,
    Retention,
    RunTree,
    TreeIndex,
)
from rao_runtime.telemetry import metrics_variables, otel_variables
from rao_runtime.telemetry.metrics import Metrics
from rao_runtime.telemetry.tracing import NOT_TRACED, Tracing
from rao_runtime.telemetry.tree_spans import TreeSpans

if TYPE_CHECKING:
    from rao_runtime.adapters.docket_dispatch import DocketDispatch

PLACEMENTS: Mapping[PlacementName, Callable[[], Placement]] = {
    PlacementName.AFFINITY: Affinity,
    PlacementName.LEAST: LeastInFlight,
    PlacementName.ROUND_ROBIN: RoundRobin,
}

# An ended tree that nobody erases, since no server runs any more, is gone so long after its time.
FORGOTTEN_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where trees are kept."""

    journal: Journal
    index: TreeIndex
    ledger: Ledger
    blobs: Blobs


@asynccontextmanager
async def open_runtime(settings: Settings, environ: Mapping[str, str] = os.environ) -> AsyncGenerator[Runtime, None]:
    """A runtime on these settings, closed with the context: trees let go, workers and connections gone.

    Raises RaoErrors: DataDirError or NoValkey where our own store cannot be started, NoReplicaProgram for replicas,
    BadVariable for a variable of OpenTelemetry's in `environ`.
    """
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        # Opened first, so that it takes the spans of whatever ends while the rest is closed.
        tracing = await stack.enter_async_context(open_tracing(environ))
        metrics = await stack.enter_async_context(open_metrics(clock, tracing, environ))
        stores = await stack.enter_async_context(open_stores(settings, clock))
        local = await stack.enter_async_context(LocalReplicas(local_serving(settings), environ=environ))
        pool = open_pool(settings, local.urls, clock)
        stack.push_async_callback(pool.roster.aclose)
        catalog = Catalog(pool, default_model=settings.default_model, profile_for=settings.profile_for)
        sandbox = await stack.enter_async_context(MontySandbox(settings.sandbox_workers, waited=metrics.sandbox_waited))
        engine = Engine(
            clock=clock,
            journal=stores.journal,
            index=stores.index,
            ledger=stores.ledger,
            blobs=stores.blobs,
            pool=pool,
            sandbox=sandbox,
            sandbox_notes=SANDBOX_NOTES,
            settings=node_settings(settings),
            retry=RetryPolicy(),
            jitter=random.Random().random,
            profile_of=catalog.profile_of,
            version=__version__,
            toolbox=EntryPointTools.load(),
            alone=settings.shared_store is None,
            observers=[metrics.trees, *([TreeSpans(tracing.give, content=tracing.content)] if tracing.on else [])],
            trace_url=settings.trace_url,
            tracing=tracing,
        )
        dockets = list["DocketDispatch"]()
        runtime = Runtime(
            engine,
            catalog,
            runtime_settings(settings),
            dispatch=partial(_dispatch, settings, dockets),
            new_tree_id=new_tree_id,
            connect=partial(connect, settings),
            metrics=metrics,
        )
        for docket in dockets:
            await stack.enter_async_context(docket)
        async with in_background({"housekeeping": runtime.keep_house(), **_care(settings, stores, pool, clock)}):
            try:
                yield runtime
            finally:
                await runtime.stop()


@asynccontextmanager
async def open_metrics(clock: Clock, tracing: Tracing, environ: Mapping[str, str]) -> AsyncGenerator[Metrics, None]:
    """The process's metrics, sent over OTLP where OpenTelemetry's variables ask for it. Raises BadVariable."""
    metrics = Metrics(clock, spans=lambda: (tracing.exported(), tracing.dropped()))
    wanted = metrics_variables.read(environ)
    if wanted is None:
        yield metrics
        return
    # A tenth of a second of imports that few need.
    otlp = import_module("rao_runtime.telemetry.otlp_metrics")
    async with otlp.sent_over_otlp(metrics.instruments, clock, wanted, __version__):
        yield metrics


@asynccontextmanager
async def open_tracing(environ: Mapping[str, str]) -> AsyncGenerator[Tracing, None]:
    """Tracing as OpenTelemetry's variables ask for it; none where they do not. Raises BadVariable."""
    wanted = otel_variables.read(environ)
    if wanted is None:
        yield NOT_TRACED
        return
    # A tenth of a second of imports, which a server that does not trace need not wait for.
    opening = import_module("rao_runtime.telemetry.opening")
    async with opening.open_tracing(wanted) as tracing:
        yield tracing


@asynccontextmanager
async def open_stores(settings: Settings, clock: Clock) -> AsyncGenerator[Stores, None]:
    """The stores that the settings name. Raises DataDirError or NoValkey for our own."""
    if settings.in_memory:
        ledger = MemoryLedger(clock)
        yield Stores(journal=MemoryJournal(), index=MemoryIndex(clock), ledger=ledger, blobs=MemoryBlobs())
        return
    async with AsyncExitStack() as stack:
        url = settings.shared_store
        if url is None:
            url = (await stack.enter_async_context(EmbeddedValkey(Path(settings.data_dir)))).url
        link = await stack.enter_async_context(RedisLink(url, prefix=settings.redis_prefix))
        kept_s = settings.retain_s + FORGOTTEN_S
        journal = await stack.enter_async_context(RedisJournal(link, kept_s=kept_s))
        index, ledger = RedisIndex(link, clock), RedisLedger(link, clock)
        yield Stores(journal=journal, index=index, ledger=ledger, blobs=RedisBlobs(link))


def open_pool(settings: Settings, local: Sequence[str], clock: Clock) -> Pool:
    """The pool, placing and ordering as set: the servers named, the `local` ones we started, or the model in here."""
    pool = Pool(
        [connect(settings, url) for url in settings.replicas],
        slots=settings.replica_slots,
        placement=PLACEMENTS[settings.placement](),
        clock=clock,
        by_arrival=settings.order is OrderName.ARRIVAL,
    )
    for url in local:
        pool.roster.add(connect(settings, url), managed=True)
    for model in nano_models(engines=settings.embedded_engines) if settings.embedded else ():
        # What it cannot take at once would wait inside it, where our order counts for nothing.
        pool.roster.add(model, slots=min(NANO_SLOTS, settings.replica_slots), managed=True)
    return pool


def attendant(settings: Settings, pool: Pool, clock: Clock, upkeep: UpkeepBooks) -> Attendant:
    """Looks after the pool's replicas, and has what that costs booked."""

    def opening(model: str) -> Prompt:
        return warm_up(settings.profile_for(model), SANDBOX_NOTES)

    caps_trees = settings.order is OrderName.TREE
    return Attendant(pool, clock, opening=opening if settings.prime else None, caps_trees=caps_trees, books=upkeep.note)


def _care(settings: Settings, stores: Stores, pool: Pool, clock: Clock) -> Mapping[str, Coroutine[Any, Any, None]]:
    upkeep = UpkeepBooks(stores.ledger, clock, settings.profile_for)
    return {"care for replicas": attendant(settings, pool, clock, upkeep).watch(), "books of upkeep": upkeep.keep()}


def connect(settings: Settings, url: str) -> Model:
    """An adapter for the server at this URL."""
    patience = Patience(
        connect_s=settings.connect_timeout_s,
        first_token_s=settings.first_token_timeout_s,
        inter_token_s=settings.inter_token_timeout_s,
    )
    return OpenAiReplica(
        url, api_key=settings.replica_api_key, patience=patience, vllm_fields=settings.replica_vllm_fields
    )


def local_serving(settings: Settings) -> LocalServing:
    """What local replicas serve, and how they are started."""
    return LocalServing(
        count=settings.local_replicas,
        model=settings.model or "",
        command=settings.vllm_command,
        flags=settings.vllm_flags,
        api_key=settings.replica_api_key,
    )


def node_settings(settings: Settings) -> NodeSettings:
    """The bounds of every node."""
    cell = CellLimits(run_s=settings.cell_s, memory_bytes=settings.sandbox_memory_bytes)
    return NodeSettings(cell=cell, output_chars=settings.output_chars, max_context_bytes=settings.max_context_bytes)


def runtime_settings(settings: Settings) -> RuntimeSettings:
    """The bounds of the runtime as a whole."""
    return RuntimeSettings(
        ceilings=settings.ceilings,
        max_context_bytes=settings.max_context_bytes,
        retention=Retention(trees=settings.retain_trees, nodes=settings.retain_nodes, age_s=settings.retain_s),
        usage_kept_s=settings.usage_kept_s,
    )


def _dispatch(settings: Settings, dockets: "list[DocketDispatch]", run_tree: RunTree) -> Dispatch:
    """Trees of a store that others share are handed out over it, all others here; what must be opened is noted."""
    active, queued = settings.max_active_trees, settings.max_queued_trees
    if settings.shared_store is None:
        return LocalDispatch(run_tree, max_active=active, max_queued=queued)
    # A third of a second of imports, which a server on its own store need not wait for when it starts again.
    docket: DocketDispatch = import_module("rao_runtime.adapters.docket_dispatch").DocketDispatch(
        run_tree,
        url=settings.shared_store,
        name=f"{settings.redis_prefix}-docket",
        max_active=active,
        max_queued=queued,
        works=settings.worker,
    )
    dockets.append(docket)
    return docket
