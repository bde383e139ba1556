"""A runtime on simulated ports: the real engine, scripted replicas, virtual time."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from rao_runtime.adapters.entry_point_tools import EntryPointTools
from rao_runtime.adapters.memory_ledger import MemoryLedger
from rao_runtime.adapters.scripted_model import Script, ScriptedModel
from rao_runtime.adapters.scripted_sandbox import ScriptedSandbox
from rao_runtime.core.errors import Overloaded
from rao_runtime.core.events import Event, EventType
from rao_runtime.core.pricing import Sheet
from rao_runtime.core.profile import CallSampling, Profile, ProtocolName
from rao_runtime.core.retry import RetryPolicy
from rao_runtime.core.task import Task
from rao_runtime.engine.attendant import Attendant
from rao_runtime.engine.catalog import Catalog
from rao_runtime.engine.dispatch import LocalDispatch
from rao_runtime.engine.engine import Accepted, Engine
from rao_runtime.engine.pool import Pool
from rao_runtime.engine.runtime import Runtime, RuntimeSettings
from rao_runtime.engine.tree import TreeRun
from rao_runtime.engine.tree_context import NodeSettings
from rao_runtime.ports import CellLimits, Observer, RunTree, Sandbox, ServedModel, Toolbox
from rao_runtime.telemetry.tracing import Tracing
from tests.sim.books import book_faults
from tests.sim.clock import EPOCH, SimClock
from tests.sim.faults import Kill
from tests.sim.invariants import Invariants
from tests.sim.lag import Lag, Mortal, SlowBlobs, SlowIndex, SlowJournal, SlowSandbox
from tests.sim.placed import Placed

MODEL = "scripted"


def nobody(_: "World") -> Sequence[Observer]:
    """No process has observers."""
    return ()


def always(*_: object) -> bool:
    """Every tree is sampled."""
    return True


def never(*_: object) -> bool:
    """No tree is sampled."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a world is made of.

    `take_over` names, by the tree's number and its append, when a tree is claimed anew, `kills` when the process dies.
    `observers` makes those of each process.
    """

    seed: int = 0
    slots: int = 16
    window: int | None = 32_768
    protocol: ProtocolName = ProtocolName.RAO
    price: Sheet | None = None
    prices: tuple[Sheet, ...] = ()
    max_tokens: int = 200
    lag_s: float = 0.0
    settings: NodeSettings = NodeSettings(cell=CellLimits())
    sandbox: Sandbox = field(default_factory=ScriptedSandbox)
    retry: RetryPolicy = RetryPolicy()
    runtime: RuntimeSettings = RuntimeSettings()
    max_active: int = 1_000
    alone: bool = True
    toolbox: Toolbox = field(default_factory=EntryPointTools)
    observers: Callable[["World"], Sequence[Observer]] = nobody
    sampled: Callable[[str, str | None], bool] = never
    take_over: frozenset[tuple[int, int]] = field(default_factory=frozenset[tuple[int, int]])
    kills: Mapping[tuple[int, int], Kill] = field(default_factory=dict[tuple[int, int], Kill])


class World:
    """Use as a context manager inside `simulate`. What went against an invariant is in `invariants.broken`."""

    def __init__(self, setup: Setup, replicas: Callable[[SimClock], Sequence[ScriptedModel]]) -> None:
        self.setup = setup
        self.clock = SimClock()
        self.models = replicas(self.clock)
        self.placed = Placed()
        self.pool = Pool(self.models, slots=setup.slots, placement=self.placed, clock=self.clock)
        self.invariants = Invariants(self.pool, self.models, self.placed)
        self.runs = dict[str, TreeRun]()
        self.trees = list[str]()
        lag = Lag(self.clock, setup.lag_s, random.Random(f"lag/{setup.seed}"))
        self.journal = SlowJournal(
            lag, made=self.invariants.appended, before=self._before_append, after=self._after_append
        )
        self.index = SlowIndex(lag)
        self.ledger = MemoryLedger(self.clock)
        self.blobs = SlowBlobs(lag)
        self.sandbox = SlowSandbox(setup.sandbox, lag)
        self.appends = dict[str, int]()
        self.starts = 0
        self.default_model: str | None = MODEL
        self._restart: asyncio.Task[None] | None = None
        self._recovering = 0
        self._watch: asyncio.Task[None] | None = None
        self.runtime = self._start()

    def _start(self) -> Runtime:
        setup = self.setup
        self.starts += 1
        self._process = Mortal(self.journal)
        catalog = Catalog(self.pool, default_model=self.default_model, profile_for=self._profile)
        engine = Engine(
            clock=self.clock,
            journal=self._process,
            index=self.index,
            ledger=self.ledger,
            blobs=self.blobs,
            pool=self.pool,
            sandbox=self.sandbox,
            sandbox_notes="It is a simulation.",
            settings=setup.settings,
            retry=setup.retry,
            jitter=random.Random(f"jitter/{setup.seed}/{self.starts}").random,
            profile_of=catalog.profile_of,
            version="test",
            toolbox=setup.toolbox,
            alone=setup.alone,
            observers=setup.observers(self),
            tracing=Tracing(sampled=setup.sampled),
        )
        return Runtime(
            engine,
            catalog,
            setup.runtime,
            dispatch=self._dispatched,
            new_tree_id=self._new_tree_id,
            connect=self._no_replica,
            begin=self._begin,
        )

    def _dispatched(self, run_tree: RunTree) -> LocalDispatch:
        self._dispatch = LocalDispatch(run_tree, max_active=self.setup.max_active, max_queued=10_000)
        return self._dispatch

    def _profile(self, model: str) -> Profile:
        setup = self.setup
        return Profile(
            model=model,
            protocol=setup.protocol,
            window=setup.window,
            price=setup.price,
            prices=setup.prices,
            sampling=CallSampling(max_tokens=setup.max_tokens),
        )

    async def __aenter__(self) -> Self:
        self._watch = asyncio.create_task(Attendant(self.pool, self.clock).watch(), name="watch")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.runtime.stop()
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])

    @property
    def now(self) -> float:
        """Virtual seconds since the start."""
        return self.clock.now() - EPOCH

    async def submit(self, task: Task) -> str:
        """Have a task run; its tree's id. A process that is about to die turns it away, so the next one is asked."""
        while True:
            if self._restart is not None:
                await asyncio.wait([self._restart])
            try:
                return (await self.runtime.submit(task)).tree_id
            except Overloaded:
                await self.clock.sleep(0.01)

    async def solve(self, task: Task, *, timeout_s: float = 5_000.0) -> dict[str, Any]:
        """The tree of a task once it has ended and everything of it is gone; all invariants hold."""
        tree_id = await self.submit(task)
        await self.settle(timeout_s)
        self.check()
        await self.check_books()
        return await self.runtime.tree(tree_id, nodes=True)

    async def settle(self, timeout_s: float = 5_000.0) -> None:
        """Wait until no tree runs any more. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while self._restart or self._recovering or not self.runtime.is_idle:
                await self.clock.sleep(0.25)

    def check(self) -> None:
        """All invariants of runs that have ended. Raises AssertionError with what is broken."""
        self.invariants.ended(self.runs, self.sandbox.open)
        broken = self.invariants.broken
        assert not broken, "\n".join(broken)

    async def book_faults(self) -> list[str]:
        """What is wrong with the ledger, once every tree has ended."""
        return [f async for f in book_faults(self.ledger, self.journal, self.clock, self.trees, self.models)]

    async def check_books(self) -> None:
        """Hold the ledger against journals and replicas. Raises AssertionError with what is broken."""
        faults = await self.book_faults()
        assert not faults, "\n".join(faults)

    async def events(self, tree_id: str, *types: EventType) -> list[Event]:
        """The tree's journal, or what it holds of these types."""
        return [e for e in await self.journal.read(tree_id) if not types or e.type in types]

    async def until(self, tree_id: str, event_type: EventType, count: int = 1) -> Event:
        """Wait until the journal holds this many events of the type; the last of them."""
        seen = 0
        async with self.journal.follow(tree_id) as batches:
            async for batch in batches:
                for event in batch:
                    if isinstance(event, Event) and event.type is event_type:
                        seen += 1
                        if seen == count:
                            return event
        raise AssertionError(f"tree {tree_id} was deleted")

    def _no_replica(self, url: str) -> ScriptedModel:
        raise AssertionError(f"nothing is connected to {url} here")

    def _new_tree_id(self) -> str:
        tree_id = f"tree-{self.setup.seed}-{len(self.trees)}"
        self.trees.append(tree_id)
        return tree_id

    def _begin(self, engine: Engine, accepted: Accepted) -> TreeRun:
        run = TreeRun(engine, accepted)
        self.runs[accepted.tree_id] = run
        self.invariants.runs[accepted.tree_id] = run
        return run

    async def _before_append(self, tree_id: str) -> None:
        count = self.appends[tree_id] = self.appends.get(tree_id, 0) + 1
        place = (self.trees.index(tree_id), count)
        if place in self.setup.take_over:
            self.invariants.taken[tree_id] = (await self.journal.claim(tree_id)).last_seq
        if place in self.setup.kills and not self.setup.kills[place].written:
            await self._die(self.setup.kills[place])

    async def _after_append(self, tree_id: str, events: Sequence[Event]) -> None:
        self.invariants.appended(tree_id, events)
        place = (self.trees.index(tree_id), self.appends[tree_id])
        if place in self.setup.kills and self.setup.kills[place].written:
            await self._die(self.setup.kills[place])

    async def _die(self, kill: Kill) -> None:
        """End the process, from inside it: unless it is told gently, whoever calls this hears of nothing again."""
        if self._restart is None:
            self._process.dead = not kill.gently
            self._restart = asyncio.create_task(self._start_again(), name="restart")
        if self._process.dead:
            await asyncio.get_running_loop().create_future()

    async def crash(self) -> None:
        """End the process as SIGKILL does."""
        self._process.dead = True
        await self._dispatch.stop()
        self.invariants.runs.clear()

    async def restart(self) -> None:
        """Start the next process; its trees go on."""
        self.runtime = self._start()
        self._restart = None
        self._recovering += 1
        await self.runtime.recover()
        self._recovering -= 1

    async def _start_again(self) -> None:
        if self._process.dead:
            await self.crash()
        else:
            await self.runtime.stop()
            self.invariants.runs.clear()
        await self.restart()


def one_replica(script: Script, *, latency_s: float = 1.0) -> Callable[[SimClock], Sequence[ScriptedModel]]:
    """A pool of one sound replica."""
    return lambda clock: [ScriptedModel(clock, script, models=[ServedModel(MODEL, None)], latency_s=latency_s)]
