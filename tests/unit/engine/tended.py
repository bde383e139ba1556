"""A pool whose replicas are looked after, in simulated time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from rao_runtime.adapters.scripted_model import Script, ScriptedModel
from rao_runtime.core.placement import LeastInFlight, Placement, PromptKey
from rao_runtime.core.ready_queue import Ticket
from rao_runtime.engine.attendant import Attendant, Opener
from rao_runtime.engine.lease import Lease
from rao_runtime.engine.pool import Pool
from rao_runtime.engine.replica import Replica
from rao_runtime.ports import ServedModel
from tests.sim.clock import SimClock
from tests.sim.loop import simulate

MODEL = "m"
EMPTY = PromptKey()
# What waits for a replica that never comes up would wait for ever: looks at it keep time going.
LONGEST_S = 3_600.0


@dataclass(slots=True)
class Tended:
    """A pool, its clock, and the scripts behind its replicas."""

    clock: SimClock = field(default_factory=SimClock)
    models: list[ScriptedModel] = field(default_factory=list[ScriptedModel])
    opening: Opener | None = None
    slots: int = 4
    placement: Placement = field(default_factory=LeastInFlight)
    pool: Pool = field(init=False)

    def __post_init__(self) -> None:
        self.pool = Pool([], slots=self.slots, placement=self.placement, clock=self.clock)

    def add(
        self, script: Script, *, up: bool = True, latency_s: float = 0.0, serves: Sequence[str] = (MODEL,)
    ) -> ScriptedModel:
        """One more replica."""
        name = f"r{len(self.models)}"
        models = [ServedModel(model, None) for model in serves]
        model = ScriptedModel(self.clock, script, name=name, models=models, latency_s=latency_s)
        model.up = up
        self.models.append(model)
        self.pool.roster.add(model)
        return model

    @property
    def replicas(self) -> Sequence[Replica]:
        """As the pool knows them."""
        return self.pool.roster.replicas

    def ask(
        self, *, model: str = MODEL, tree: str = "", avoid: Sequence[int] = (), prompt: PromptKey = EMPTY
    ) -> asyncio.Task[Lease]:
        """A call that wants a slot."""
        now = self.clock.now()
        ticket = Ticket(ticket_id=self.pool.next_ticket_id(), enqueued=now, tree_started=now, tree=tree)
        return asyncio.create_task(self.pool.acquire(ticket, model, prompt, avoid))


def tend(
    act: Callable[[Tended], Awaitable[None]],
    *,
    opening: Opener | None = None,
    slots: int = 4,
    placement: Placement | None = None,
) -> None:
    """Run with a pool that is looked after; it has no replica yet."""

    async def main() -> None:
        tended = Tended(opening=opening, slots=slots, placement=placement or LeastInFlight())
        watch = asyncio.create_task(Attendant(tended.pool, tended.clock, opening=opening).watch())
        async with asyncio.timeout(LONGEST_S):
            await act(tended)
        watch.cancel()

    simulate(main)
