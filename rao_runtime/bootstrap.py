"""Settings become adapters, adapters an engine: the only place that chooses."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from rao_runtime import __version__
from rao_runtime.adapters.clock import SystemClock, new_tree_id
from rao_runtime.adapters.memory_blobs import MemoryBlobs
from rao_runtime.adapters.memory_index import MemoryIndex
from rao_runtime.adapters.memory_journal import MemoryJournal
from rao_runtime.adapters.monty import SANDBOX_NOTES, MontySandbox
from rao_runtime.adapters.openai_http import OpenAiReplica
from rao_runtime.adapters.openai_reading import Patience
from rao_runtime.config import Settings
from rao_runtime.core.placement import LeastInFlight
from rao_runtime.core.retry import RetryPolicy
from rao_runtime.engine.catalog import Catalog
from rao_runtime.engine.dispatch import LocalDispatch
from rao_runtime.engine.pool import Pool
from rao_runtime.engine.runtime import Runtime, RuntimeSettings
from rao_runtime.engine.tree import Engine
from rao_runtime.engine.tree_context import NodeSettings
from rao_runtime.ports import CellLimits, Model, Retention, RunTree


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncGenerator[Runtime, None]:
    """A runtime on these settings, closed with the context: trees cancelled, workers and connections gone."""
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        models = replicas(settings)
        for model in models:
            stack.push_async_callback(model.aclose)
        pool = Pool(models, slots=settings.replica_slots, placement=LeastInFlight(), clock=clock)
        catalog = Catalog(pool, default_model=settings.model, profile_for=settings.profile_for)
        sandbox = await stack.enter_async_context(MontySandbox(settings.sandbox_workers))
        engine = Engine(
            clock=clock,
            journal=MemoryJournal(),
            index=MemoryIndex(clock),
            blobs=MemoryBlobs(),
            pool=pool,
            sandbox=sandbox,
            sandbox_notes=SANDBOX_NOTES,
            settings=node_settings(settings),
            retry=RetryPolicy(),
            jitter=random.Random().random,
            profile_of=catalog.profile_of,
            version=__version__,
        )
        runtime = Runtime(
            engine, catalog, runtime_settings(settings), dispatch=partial(_local, settings), new_tree_id=new_tree_id
        )
        watch = asyncio.create_task(pool.watch(), name="replica-probes")
        try:
            yield runtime
        finally:
            await runtime.stop()
            watch.cancel()
            await asyncio.wait([watch])


def replicas(settings: Settings) -> Sequence[Model]:
    """One adapter for each configured server."""
    patience = Patience(
        connect_s=settings.connect_timeout_s,
        first_token_s=settings.first_token_timeout_s,
        inter_token_s=settings.inter_token_timeout_s,
    )
    return [
        OpenAiReplica(
            url, api_key=settings.replica_api_key, patience=patience, vllm_fields=settings.replica_vllm_fields
        )
        for url in settings.replicas
    ]


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
    )


def _local(settings: Settings, run_tree: RunTree) -> LocalDispatch:
    return LocalDispatch(run_tree, max_active=settings.max_active_trees, max_queued=settings.max_queued_trees)
