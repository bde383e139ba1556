"""Runs the world of one seed, with everything that befalls it, and holds all invariants against it."""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from rao_runtime.adapters.scripted_model import ScriptedModel
from rao_runtime.adapters.scripted_steps import Fail, Say, Step, Wait
from rao_runtime.core.errors import FailureKind, UnknownNode
from rao_runtime.core.limits import Reason
from rao_runtime.ports import ModelRequest, Observer, ServedModel, Traits, Vitals
from tests.sim.clock import EPOCH, SimClock
from tests.sim.faults import CancelNode, CancelTree, Kill, ReplicaPlan, TakeOver
from tests.sim.loop import simulate
from tests.sim.programs import completion
from tests.sim.record import digest, shown
from tests.sim.scenario import FAR_S, Scenario, TreePlan, by_gpu, deadly, draw_scenario, one_in_ten, pressed
from tests.sim.world import MODEL, Setup, World, always, never, nobody
from tests.sim.writing import goal_of, turn_of

# All trees are over by then: faults have stopped, nothing waits longer than a call's patience.
BOUND_S = 10_000.0
EVENTS_SHOWN = 40


class Broken(AssertionError):
    """A seed broke an invariant; the message tells all that is needed to see it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a seed: a fingerprint of its journals, how it ended, and how much there was.

    `without_kv` is how often a call found slots, but no room in any KV cache.
    """

    digest: str
    statuses: tuple[str, ...]
    nodes: int
    events: int
    virtual_s: float
    without_kv: int


class Onlooker(Protocol):
    """Watches the trees of a world, and tells what is wrong with what it saw."""

    def observers(self, world: World) -> Sequence[Observer]:
        """Those of the process that starts now."""
        ...

    async def problems(self, world: World, tree_id: str) -> Sequence[str]:
        """What does not hold of this tree, once it has ended."""
        ...


def run_seed(
    seed: int,
    *,
    shuffle: bool = False,
    deaths: bool = False,
    failing: bool = False,
    scarce: bool = False,
    gpu_price: bool = False,
    onlooker: Onlooker | None = None,
) -> Report:
    """Run it. Raises Broken.

    `shuffle` draws the order of callbacks too, `deaths` kills the process, `failing` has one attempt in ten fail,
    `scarce` gives replicas small KV caches, `gpu_price` has time priced in place of tokens.
    With an `onlooker` all trees are sampled.
    """
    scenario = draw_scenario(seed)
    if deaths:
        scenario = deadly(scenario)
    if failing:
        scenario = one_in_ten(scenario)
    if scarce:
        scenario = pressed(scenario)
    if gpu_price:
        scenario = by_gpu(scenario)
    return simulate(partial(_run, scenario, onlooker), shuffle=seed if shuffle else None)


async def _run(scenario: Scenario, onlooker: Onlooker | None) -> Report:
    async with World(_setup(scenario, onlooker), partial(_replicas, scenario)) as world:
        async with asyncio.TaskGroup() as outside:
            for index, plan in enumerate(scenario.replicas):
                outside.create_task(_outages(world, index, plan))
            submitted = [outside.create_task(_tree(world, plan)) for plan in scenario.trees]
        problems = list[str]()
        try:
            await world.settle(BOUND_S)
        except TimeoutError:
            problems.append(f"9: trees still run after {BOUND_S:g} virtual seconds")
        trees = [task.result() for task in submitted]
        await _check(world, scenario, trees, problems, onlooker)
        journals = [await world.events(tree_id) for tree_id in trees]
        return Report(
            digest=digest(journals),
            statuses=tuple(str(world.runs[tree_id].state.status) for tree_id in trees),
            nodes=sum(len(world.runs[tree_id].state.nodes) for tree_id in trees),
            events=sum(map(len, journals)),
            virtual_s=world.now,
            without_kv=world.placed.without_kv,
        )


async def _check(
    world: World, scenario: Scenario, trees: Sequence[str], problems: list[str], onlooker: Onlooker | None
) -> None:
    if not problems:
        world.invariants.ended(world.runs, world.sandbox.open)
        if onlooker is not None:
            for tree_id in trees:
                problems += await onlooker.problems(world, tree_id)
        problems += await world.book_faults()
    problems += world.invariants.broken
    for tree_id, plan in zip(trees, scenario.trees, strict=True):
        if _reason(world, tree_id) == Reason.DEADLINE and plan.task.limits.deadline_s == FAR_S:
            problems.append(f"9: {tree_id} ran into a deadline that is far away")
    if problems:
        raise Broken(await _story(world, scenario, trees, problems))


def _reason(world: World, tree_id: str) -> str | None:
    end = world.runs[tree_id].state.end
    return None if end is None or end["error"] is None else end["error"]["reason"]


async def _story(world: World, scenario: Scenario, trees: Sequence[str], problems: Sequence[str]) -> str:
    lines = [f"seed {scenario.seed}", *problems, *scenario.lines()]
    for tree_id in trees:
        events = await world.events(tree_id)
        lines += [f"{tree_id}, the last of {len(events)} events:", *map(shown, events[-EVENTS_SHOWN:])]
    return "\n".join(lines)


# --- what happens from outside ---------------------------------------------------------------------------------------


async def _tree(world: World, plan: TreePlan) -> str:
    await world.clock.sleep(plan.at)
    tree_id = await world.submit(plan.task)
    async with asyncio.TaskGroup() as acts:
        for act in plan.acts:
            match act:
                case CancelTree(at):
                    acts.create_task(_cancel(world, tree_id, at, lambda nodes: None))
                case CancelNode(at, pick):
                    acts.create_task(_cancel(world, tree_id, at, partial(_picked, pick)))
                case TakeOver() | Kill():
                    pass
    return tree_id


def _picked(pick: int, nodes: Sequence[str]) -> str | None:
    return nodes[pick % len(nodes)]


async def _cancel(world: World, tree_id: str, at: float, choose: Callable[[Sequence[str]], str | None]) -> None:
    await world.clock.sleep(at)
    run = world.runs.get(tree_id)
    nodes = list(run.state.nodes) if run else []
    if nodes:
        # A node whose owner has lost the tree may be in no journal: the client is told that there is none.
        with suppress(UnknownNode):
            await world.runtime.cancel(tree_id, choose(nodes))


async def _outages(world: World, index: int, plan: ReplicaPlan) -> None:
    for begin, end in sorted(plan.down):
        await world.clock.sleep(max(0.0, begin - world.now))
        world.models[index].up = False
        await world.clock.sleep(max(0.0, end - world.now))
        world.models[index].up = True


# --- what it is made of ----------------------------------------------------------------------------------------------


def _setup(scenario: Scenario, onlooker: Onlooker | None) -> Setup:
    take_over = {
        (number, act.append)
        for number, tree in enumerate(scenario.trees)
        for act in tree.acts
        if isinstance(act, TakeOver)
    }
    kills = {
        (number, act.append): act
        for number, tree in enumerate(scenario.trees)
        for act in tree.acts
        if isinstance(act, Kill)
    }
    return Setup(
        seed=scenario.seed,
        slots=scenario.slots,
        window=scenario.window,
        protocol=scenario.protocol,
        price=scenario.price,
        max_tokens=scenario.max_tokens,
        lag_s=scenario.lag_s,
        take_over=frozenset(take_over),
        kills=kills,
        observers=nobody if onlooker is None else onlooker.observers,
        sampled=never if onlooker is None else always,
    )


def _replicas(scenario: Scenario, clock: SimClock) -> Sequence[ScriptedModel]:
    models = list[ScriptedModel]()
    for index, plan in enumerate(scenario.replicas):
        model = ScriptedModel(
            clock,
            partial(_answer, scenario, plan, clock),
            name=f"replica-{index}",
            models=[ServedModel(MODEL, scenario.window)],
            patience_s=scenario.patience_s,
            faults=(plan.rates, random.Random(f"faults/{scenario.seed}/{index}")),
        )
        model.tells_usage = plan.counts_tokens
        model.traits_now = partial(Traits, kv_tokens=plan.kv_tokens)
        model.vitals_now = partial(_vitals, plan, model)
        models.append(model)
    return models


def _vitals(plan: ReplicaPlan, model: ScriptedModel) -> Vitals:
    return Vitals(
        running=model.in_flight,
        generated_tokens=sum(attempt.output_tokens for attempt in model.ledger),
        waiting=0,
        preemptions=None if plan.preempts_every is None else len(model.ledger) // plan.preempts_every,
    )


def _answer(scenario: Scenario, plan: ReplicaPlan, clock: SimClock, request: ModelRequest) -> Sequence[Step]:
    draw = random.Random(f"pace/{scenario.seed}/{request.request_id}")
    now = clock.now() - EPOCH
    if any(begin <= now < end for begin, end in plan.storms):
        return [Wait(0.01), Fail(FailureKind.BUSY, 503, draw.choice([None, 0.0, 1.5, 40.0]))]
    if request.request_id.startswith("upkeep-"):
        return [Wait(plan.pace_s * draw.random()), Say("x")]
    text = completion(goal_of(request), turn_of(request), scenario.seed, scenario.protocol)
    cut = draw.randrange(len(text) + 1)
    pause_s = plan.pace_s * draw.random()
    return [Wait(plan.pace_s * draw.random()), Say(text[:cut]), Wait(pause_s), Say(text[cut:])]
