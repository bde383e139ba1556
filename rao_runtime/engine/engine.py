"""What every tree of a process runs on, and what a tree is before it runs."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from rao_runtime.core.profile import Profile
from rao_runtime.core.retry import RetryPolicy
from rao_runtime.core.task import Task
from rao_runtime.engine.node_spec import NodeFailure
from rao_runtime.engine.pool import Pool
from rao_runtime.engine.tree_context import NodeSettings
from rao_runtime.ports import Blobs, Clock, Journal, Ledger, Observer, Sandbox, Toolbox, TreeIndex
from rao_runtime.telemetry.tracing import NOT_TRACED, Tracing


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What every tree of this process runs on; `observers` are told of all of them.

    `profile_of` waits until the task's model is known, or says why it cannot be used. `jitter` gives numbers in [0, 1)
    for the pauses between attempts. `alone`: no other process could run a tree that this one cannot replay. `tracing`
    decides which new trees are traced; `trace_url`, where to look at such a trace, has `{trace_id}` in it.
    """

    clock: Clock
    journal: Journal
    index: TreeIndex
    ledger: Ledger
    blobs: Blobs
    pool: Pool
    sandbox: Sandbox
    sandbox_notes: str
    settings: NodeSettings
    retry: RetryPolicy
    jitter: Callable[[], float]
    profile_of: Callable[[Task], Awaitable[Profile | NodeFailure]]
    version: str
    toolbox: Toolbox
    alone: bool = True
    observers: Sequence[Observer] = ()
    trace_url: str | None = None
    tracing: Tracing = NOT_TRACED


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A tree to run."""

    tree_id: str
    tenant: str
    task: Task
