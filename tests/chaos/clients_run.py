"""Fifty clients follow trees of several sizes over a server that is killed and started again under them."""

import asyncio
import random
import time
from dataclasses import dataclass, replace

from rao_runtime.client import AsyncClient
from tests.chaos.crowd import PATIENCE_S, Crowd
from tests.chaos.forest import submit
from tests.chaos.run import LONGEST_S, Broken, first_error
from tests.chaos.scenario import RICH_TOKENS, Blow, Scenario, TreePlan, draw_scenario
from tests.chaos.striking import strike
from tests.chaos.waits import arrivals
from tests.chaos.world import World, world

SHAPES = ((3,), (4, 3), (6, 6), (3, 3, 3), (8, 5), (16,))
BLOWS = (Blow.KILL, Blow.TERM, Blow.KILL, Blow.STORE, Blow.TWICE, Blow.KILL, Blow.STORE, Blow.KILL)
SLOTS = 12
LATENCY_S = 0.1
TURNS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientsReport:
    """What they were told."""

    clients: int
    events: int
    connections: int
    drops: int
    kills: int
    wall_s: float

    def __str__(self) -> str:
        return (
            f"{self.clients} clients were told {self.events} events over {self.connections} connections of their own, "
            f"{self.drops} times they hung up, the server was struck {self.kills} times: "
            f"lost, doubled, out of order: 0; {self.wall_s:.0f} s"
        )


async def run_clients(seed: int) -> ClientsReport:
    """The run of this seed. Raises Broken."""
    scenario, plans = _drawn(seed)
    began_s = time.perf_counter()
    async with world(scenario) as around, AsyncClient(around.host.url, patience_s=PATIENCE_S) as client:
        try:
            async with asyncio.timeout(LONGEST_S):
                crowd = await _storm(around, client, scenario, plans)
                over = [await follower.is_told_that_it_is_over() for follower in crowd.raw]
        except* (AssertionError, TimeoutError) as errors:
            raise Broken(scenario, f"{first_error(errors)!r}\n{around.host.tail()}", "--clients ") from errors
    faults = crowd.faults()
    faults += [f"raw follower {index} is not told that it is over" for index, told in enumerate(over) if not told]
    ended = {follower.tree_id: follower.seen[-1].event["data"] for follower in crowd.raw}
    if (answers := sorted(tree["answer"] for tree in ended.values())) != sorted(plan.answer for plan in plans):
        faults.append(f"the answers are {answers}")
    if faults:
        raise Broken(scenario, "\n".join(faults), "--clients ")
    everybody = [*crowd.raw, *crowd.with_library]
    return ClientsReport(
        clients=len(everybody),
        events=sum(len(follower.seen) for follower in everybody),
        connections=sum(follower.connections for follower in crowd.raw),
        drops=sum(follower.drops for follower in everybody),
        kills=sum(kill.blow.signals for kill in scenario.kills),
        wall_s=time.perf_counter() - began_s,
    )


async def _storm(around: World, client: AsyncClient, scenario: Scenario, plans: list[TreePlan]) -> Crowd:
    tree_ids = [
        await submit(around.session, around.host, plan, f"clients-{scenario.seed}-{index}")
        for index, plan in enumerate(plans)
    ]
    crowd = Crowd(around, client, tree_ids, scenario.seed)
    async with asyncio.TaskGroup() as group:
        group.create_task(crowd.run())
        for kill in scenario.kills:
            await arrivals(around.stand_in.ledger, kill.arrivals)
            await around.host.stays(kill.delay_s)
            assert not all(follower.has_ended for follower in crowd.raw), "nobody is left to be cut off"
            await strike(around.host, kill)
    return crowd


def _drawn(seed: int) -> tuple[Scenario, list[TreePlan]]:
    draw = random.Random(f"clients/{seed}")
    plans = [_plan(shape) for shape in SHAPES]
    calls = sum(_nodes(shape) for shape in SHAPES) * TURNS
    scenario = draw_scenario(seed, len(BLOWS))
    # Calls that a kill cut off come again: with so many between two kills, the last one still finds trees to hit.
    kills = tuple(
        replace(
            scenario.kills[0], blow=blow, arrivals=draw.randrange(2, calls // len(BLOWS)), delay_s=draw.random() / 10
        )
        for blow in draw.sample(BLOWS, len(BLOWS))
    )
    pace = {"latency_s": LATENCY_S, "slots": SLOTS, "turns": TURNS, "context_chars": 0}
    return replace(scenario, kills=kills, **pace), plans


def _plan(shape: tuple[int, ...]) -> TreePlan:
    leaves = _nodes(shape) - _nodes(shape[:-1])
    return TreePlan(goal=" ".join(["tree", *map(str, shape)]), answer=leaves, max_tokens=RICH_TOKENS, context=None)


def _nodes(shape: tuple[int, ...]) -> int:
    nodes = level = 1
    for fanout in shape:
        level *= fanout
        nodes += level
    return nodes
