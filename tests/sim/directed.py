"""Short ways to a world for tests that play one scene."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from rao_runtime.adapters.scripted_model import ScriptedModel
from rao_runtime.core.limits import Limits
from rao_runtime.core.task import Mode, Task
from tests.sim.loop import simulate
from tests.sim.play import Turn, play
from tests.sim.world import Setup, World, one_replica

Parts = Mapping[str, Sequence[Turn]]
PLENTY = Limits(max_tokens=1_000_000_000, max_nodes=10_000, max_children=1_000, deadline_s=3_000.0)


def root(limits: Limits = PLENTY) -> Task:
    """A task with the goal `root` that may launch."""
    return Task(goal="root", mode=Mode.RECURSIVE, limits=limits)


def scene(
    parts: Parts, act: Callable[[World], Awaitable[None]], setup: Setup | None = None, *, pace_s: float = 1.0
) -> None:
    """Play it with one sound replica whose calls take `pace_s`."""

    async def main() -> None:
        own = setup or Setup()
        async with World(own, one_replica(play(parts, own.protocol), latency_s=pace_s)) as world:
            await act(world)

    simulate(main)


def solved(parts: Parts, task: Task, setup: Setup | None = None, *, pace_s: float = 1.0) -> dict[str, Any]:
    """The tree that comes of a task, its nodes with it."""
    found = dict[str, Any]()

    async def act(world: World) -> None:
        found.update(await world.solve(task))

    scene(parts, act, setup, pace_s=pace_s)
    return found


def prompt_of(model: ScriptedModel, node_id: str, turn: int) -> Sequence[str]:
    """The contents of the messages a node's call was sent with."""
    sent = [a.request for a in model.ledger if a.request.request_id.startswith(f"{node_id}-t{turn}-")]
    return [message.content for message in sent[-1].messages]
