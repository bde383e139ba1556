"""A runtime of its own for each part of the evaluation: in memory, with the real sandbox and the real tools."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

from rao_runtime.bootstrap import open_runtime
from rao_runtime.config import Settings
from rao_runtime.config.built_in import RAO_NANO
from rao_runtime.core.events import Event
from rao_runtime.core.limits import Limits
from rao_runtime.core.state import fold
from rao_runtime.core.task import Task
from rao_runtime.engine.runtime import Runtime
from training.evaluation.ended import Ended
from training.evaluation.oracle_replica import Strike, oracle_replica

MODEL = RAO_NANO.model
SLOTS = 256
UP_S = 60.0
LATE_S = 60.0
WARM_UP = Task(goal="Does any line mention a fruit?", context="Anna saw the plum.", limits=Limits(deadline_s=UP_S))


class CouldNotRun(Exception):
    """The trees could not run at all, whatever the model knows."""


class NoModel(CouldNotRun):
    """There is no model to run them with."""


@dataclass(frozen=True, slots=True)
class World:
    """An open runtime with a model that answers."""

    runtime: Runtime

    async def solve(self, task: Task) -> Ended:
        """Run the task's tree to its end, and leave nothing of it. Raises TimeoutError long after its deadline."""
        async with asyncio.timeout(task.limits.deadline_s + LATE_S):
            tree_id = (await self.runtime.submit(task)).tree_id
            state = fold(tree_id, await self._journal(tree_id))
        await self.runtime.delete(tree_id)
        return Ended.of(state, task.context)

    async def _journal(self, tree_id: str) -> Sequence[Event]:
        events = list[Event]()
        async with self.runtime.events(tree_id) as batches:
            async for batch in batches:
                events += [event for event in batch if isinstance(event, Event)]
                if events[-1].is_end:
                    break
        return events


OpenWorld = Callable[[int], AbstractAsyncContextManager[World]]
"""Opens a world in which so many calls may be on their way at once. Raises NoModel where none answers."""


def embedded() -> OpenWorld:
    """The engines that a runtime without replicas brings itself; a single call at a time leaves only one of them."""
    return lambda slots: _open(
        Settings(redis_url="memory://", replica_slots=slots, embedded_engines=1 if slots == 1 else None)
    )


def at_replica(url: str, model: str) -> OpenWorld:
    """A server that serves this model."""
    return lambda slots: _open(_settings(url, model, slots))


def oracle(strike: Strike = lambda _: None) -> OpenWorld:
    """The ideal policy."""

    @asynccontextmanager
    async def opened(slots: int) -> AsyncGenerator[World, None]:
        async with oracle_replica(MODEL, strike) as url, _open(_settings(url, MODEL, slots)) as world:
            yield world

    return opened


def _settings(url: str, model: str, slots: int) -> Settings:
    # Under whatever name a server has them, they are the same weights.
    known = replace(RAO_NANO, model=model)
    return Settings(redis_url="memory://", replicas=(url,), model=model, replica_slots=slots, profiles=(known,))


@asynccontextmanager
async def _open(settings: Settings) -> AsyncGenerator[World, None]:
    async with open_runtime(settings) as runtime:
        if not runtime.readiness()["replicas"]:
            raise NoModel("there is no model to evaluate: name a server with --replica")
        world = World(runtime)
        # The first tree of a world waits for its model, and pays for what starts with it.
        first = await world.solve(WARM_UP)
        if not first.ran:
            raise NoModel(f"no model answered: {first.error.get('message')}")
        yield world
