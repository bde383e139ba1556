"""A whole simulated world as a value, drawn from one seed, and described where it fails."""

import random
from dataclasses import dataclass, replace
from decimal import Decimal

from rao_runtime.core.limits import Limits
from rao_runtime.core.pricing import GpuPrice, Price, Sheet
from rao_runtime.core.profile import ProtocolName
from rao_runtime.core.task import Mode, Sampling, Task
from tests.sim.faults import ONE_IN_TEN, Act, ReplicaPlan, TakeOver, draw_acts, draw_kills, draw_replica
from tests.sim.programs import GROWING, any_kind
from tests.sim.solo import Goal

# Far more than any tree here needs: one that runs into it without a near deadline of its own hangs.
FAR_S = 20_000.0
BIG = Limits(max_depth=4, max_children=8, max_turns=8, max_tokens=2_000_000, deadline_s=FAR_S)
PRICE = Price(input=Decimal("0.15"), output=Decimal("0.60"), cached_input=Decimal("0.075"), version="test-1")
GPU_PRICE = GpuPrice(gpu_second=Decimal("0.000694"), gpus=2, version="test-gpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class TreePlan:
    """One tree: its task, when it comes, and what is done to it."""

    task: Task
    at: float
    acts: tuple[Act, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything that a run follows from. `lag_s` is how slow journal, blobs and sandbox are at most."""

    seed: int
    protocol: ProtocolName
    window: int | None
    price: Sheet | None
    slots: int
    max_tokens: int
    lag_s: float
    patience_s: float
    replicas: tuple[ReplicaPlan, ...]
    trees: tuple[TreePlan, ...]

    def lines(self) -> list[str]:
        """For a human: what was drawn."""
        own = f"protocol={self.protocol} window={self.window} price={'yes' if self.price else 'no'}"
        speed = f"slots={self.slots} max_tokens={self.max_tokens} lag_s={self.lag_s} patience_s={self.patience_s}"
        replicas = [f"replica {index}: {plan}" for index, plan in enumerate(self.replicas)]
        trees = [
            f"tree {index}: at={tree.at:.3f} goal={tree.task.goal!r} mode={tree.task.mode} {tree.task.limits}\n"
            f"    acts={tree.acts}"
            for index, tree in enumerate(self.trees)
        ]
        return [own, speed, *replicas, *trees]


def draw_scenario(seed: int) -> Scenario:
    """The world of this seed."""
    draw = random.Random(f"scenario/{seed}")
    price = draw.choice([None, PRICE])
    return Scenario(
        seed=seed,
        protocol=draw.choice(list(ProtocolName)),
        window=draw.choices([None, 32_768, 4_000, 2_500], [2, 6, 1, 1])[0],
        price=price,
        slots=draw.choice([1, 2, 4, 16]),
        max_tokens=draw.choice([100, 300, 600]),
        lag_s=draw.choice([0.0, 0.0, 0.01, 0.2]),
        patience_s=draw.choice([5.0, 30.0]),
        replicas=tuple(draw_replica(draw) for _ in range(draw.randrange(1, 4))),
        trees=tuple(_tree(draw, index, price) for index in range(draw.choice([1, 1, 2, 3]))),
    )


def deadly(scenario: Scenario) -> Scenario:
    """The same world, whose process dies now and then, in the midst of its trees. Nobody else claims them."""
    draw = random.Random(f"kills/{scenario.seed}")
    trees = list[TreePlan]()
    for tree in scenario.trees:
        acts = [act for act in tree.acts if not isinstance(act, TakeOver)]
        trees.append(replace(tree, acts=(*acts, *draw_kills(draw))))
    return replace(scenario, trees=tuple(trees))


def one_in_ten(scenario: Scenario) -> Scenario:
    """The same world with three replicas at least, where one attempt in ten fails, in every way there is."""
    plans = [*scenario.replicas, *scenario.replicas * 2][: max(3, len(scenario.replicas))]
    return replace(scenario, replicas=tuple(replace(plan, rates=ONE_IN_TEN) for plan in plans))


def by_gpu(scenario: Scenario) -> Scenario:
    """The same world, whose model is priced by GPU-seconds, so that no task can cap its cost."""
    plans = (
        replace(tree, task=replace(tree.task, limits=replace(tree.task.limits, max_cost=None)))
        for tree in scenario.trees
    )
    return replace(scenario, price=GPU_PRICE, trees=tuple(plans))


def pressed(scenario: Scenario) -> Scenario:
    """The same world with slots enough, whose replicas tell of KV caches for a prompt or two, and some of preemptions.

    A prompt has some 1,150 tokens, nearly all of them the system prompt, which is held once.
    """
    draw = random.Random(f"kv/{scenario.seed}")
    plans = (
        replace(
            plan,
            kv_tokens=draw.choice([1_200, 1_350, 1_500]),
            preempts_every=draw.choice([None, 1, 5, 20]),
        )
        for plan in scenario.replicas
    )
    return replace(scenario, slots=16, replicas=tuple(plans))


def _tree(draw: random.Random, index: int, price: Price | None) -> TreePlan:
    big = draw.random() < 0.3
    kind, levels = (draw.choice(GROWING), 4) if big else (any_kind(draw, 0.9), draw.randrange(6))
    task = Task(
        goal=str(Goal(kind, levels, f"t{index}")),
        context=draw.choice([None, "some text", ["a", "b"], {"a": "text"}]),
        mode=Mode.RECURSIVE if big else draw.choices([Mode.RECURSIVE, Mode.AUTO, Mode.FLAT], [8, 1, 1])[0],
        auto_fraction=draw.choice([0.5, 0.01]),
        answer_schema=draw.choice([None, {"type": "integer"}]),
        check=draw.choice([None, None, "answer >= 0"]),
        limits=replace(BIG, max_nodes=draw.choice([30, 80])) if big else _limits(draw, price),
        sampling=Sampling(seed=draw.choice([None, 7])),
        priority=draw.choice([0, 0, 5]),
    )
    return TreePlan(task=task, at=draw.choice([0.0, 0.0, draw.random() * 5]), acts=tuple(draw_acts(draw)))


def _limits(draw: random.Random, price: Price | None) -> Limits:
    cost = None if price is None or draw.random() < 0.6 else Decimal(draw.choices(["0.001", "0.01", "0"], [2, 4, 1])[0])
    return Limits(
        max_depth=draw.choices([0, 1, 2, 4], [1, 2, 4, 8])[0],
        max_nodes=draw.choices([1, 4, 12, 60], [1, 2, 4, 8])[0],
        max_children=draw.choice([1, 2, 8, 32]),
        max_turns=draw.choices([1, 3, 8], [1, 3, 8])[0],
        max_tokens=draw.choices([100, 5_000, 20_000, 60_000, 2_000_000], [1, 2, 4, 4, 8])[0],
        max_cost=cost,
        deadline_s=draw.choices([FAR_S, 0.3, 20.0], [8, 1, 1])[0],
    )
