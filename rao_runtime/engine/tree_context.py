"""What all nodes of one tree share."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from rao_runtime.core.budget import Account, Reservation
from rao_runtime.core.mode import ModeDecision, decide
from rao_runtime.core.profile import CallSampling, Profile
from rao_runtime.core.protocol import ActionProtocol
from rao_runtime.core.task import Mode
from rao_runtime.engine.calls import CallRunner
from rao_runtime.engine.contexts import ContextMeter
from rao_runtime.engine.node_spec import NodeEnd, NodeSpec
from rao_runtime.engine.prompt import Prompt
from rao_runtime.engine.replay import TreePast
from rao_runtime.engine.tree_log import TreeLog
from rao_runtime.ports import Blobs, CellLimits, Clock, Sandbox, Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """The operator's bounds on every node. `output_chars` is what a node sees of one cell's output."""

    cell: CellLimits
    output_chars: int = 16_000
    max_context_bytes: int = 8 << 20
    max_check_tries: int = 3
    max_lost_calls: int = 2


class Child(Protocol):
    """A node as its parent and the tree see it."""

    @property
    def spec(self) -> NodeSpec:
        """What it was asked."""
        ...

    async def run(self, gate: "Gate | None" = None, *, deadline_s: float | None = None) -> NodeEnd:
        """Run it to its end; `gate` holds it back until it is its turn, `deadline_s` is what is left of its time."""
        ...

    def stop(self) -> None:
        """Cancel it with all below it; its parent goes on."""
        ...

    async def gone(self) -> None:
        """Wait until it has ended."""
        ...

    def never_ran(self) -> None:
        """Close it where `run` had no chance to begin."""
        ...


class Gate(Protocol):
    """An asynchronous context manager that lets so many through at once."""

    async def __aenter__(self) -> None: ...
    async def __aexit__(self, *exc: object) -> None: ...


Spawn = Callable[["TreeContext", NodeSpec, Account, Prompt, Reservation | None], Child]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeContext:
    """One tree's fixed parts, and the nodes that live in it now."""

    log: TreeLog
    clock: Clock
    calls: CallRunner
    sandbox: Sandbox
    blobs: Blobs
    profile: Profile
    protocol: ActionProtocol
    sampling: CallSampling
    seed: int | None
    mode: Mode
    auto_fraction: float
    expected_output_tokens: int
    settings: NodeSettings
    start_prompt: Callable[[NodeSpec], Prompt]
    spawn: Spawn
    contexts: ContextMeter
    past: TreePast
    tools: Mapping[str, Tool]
    live: dict[str, Child] = field(default_factory=dict[str, Child])
    tool_locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    def is_recursive(self, goal_chars: int, context_chars: int) -> bool:
        """Whether a node with such a task may launch children."""
        return self.mode_of(goal_chars, context_chars).effective is Mode.RECURSIVE

    def mode_of(self, goal_chars: int, context_chars: int) -> ModeDecision:
        """The mode of a node with such a task, and the numbers behind it."""
        return decide(
            self.mode,
            goal_tokens=self.profile.estimated_tokens(goal_chars),
            context_tokens=self.profile.estimated_tokens(context_chars),
            expected_output_tokens=self.expected_output_tokens,
            window=self.profile.window,
            auto_fraction=self.auto_fraction,
        )
