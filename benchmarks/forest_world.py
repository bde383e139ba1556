"""A server with a policy and four stand-ins with KV caches, through which one forest goes."""

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.clients import Gateway, Ledger
from benchmarks.figures import percentile
from benchmarks.forest_floor import Engines
from benchmarks.forests import CHARS_PER_TOKEN, Node, Scenario, lone_leaf
from benchmarks.processes import Program, server, stand_in
from benchmarks.worlds import READY_S, session

BLOCK_TOKENS = 16
CHUNK_TOKENS = 64
WINDOW = 64 << 10
PATIENCE_S = 3_600.0
RUN_S = 300.0
WARM_UP = 8
FIRST_LEAF = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the server places and orders calls: the values of its settings `placement` and `order`."""

    placement: str
    order: str

    @property
    def name(self) -> str:
        """How tables call it."""
        return f"{self.placement.replace('_', ' ')} + {self.order}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What all runs of a comparison have in common. `time_scale` stretches the stand-ins' times."""

    engines: Engines
    time_scale: float
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One forest under one policy. Seconds are simulated ones; tokens and preemptions are the replicas' own counts.

    `busy` is CPU time ÷ wall time, of one core: of the server itself, of its sandbox and store, of the busiest
    stand-in. `waited_s` is how long it took a replica, at worst, to let a call in that it was sent: hardly more than a
    step where there is room. `told` is what the trees say of their own usage.
    """

    tree_s: Sequence[float]
    makespan_s: float
    calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    preemptions: int
    waited_s: float
    server_busy: float
    children_busy: float
    stand_in_busy: float
    told: dict[str, int]

    @property
    def mean_s(self) -> float:
        """Mean time of a tree."""
        return sum(self.tree_s) / len(self.tree_s)

    @property
    def p95_s(self) -> float:
        """The time that 95 % of the trees do not exceed."""
        return percentile(self.tree_s, 95) if len(self.tree_s) > 1 else self.tree_s[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _World:
    server: Program
    replicas: Sequence[Program]
    gateway: Gateway
    ledgers: Sequence[Ledger]


async def run_forest(trees: Sequence[Node], policy: Policy, plan: Plan) -> Run:
    """All trees at once, on a server and replicas that know nothing of them. Raises RuntimeError for a wrong answer."""
    scenario = trees[0].scenario
    async with asyncio.timeout(RUN_S), _world(scenario, policy, plan) as here:
        await _warm_up(here, trees[0])
        pids = [here.server.pid, *(replica.pid for replica in here.replicas)]
        before = [measure.cpu(pid) for pid in pids]
        began_s = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(_solve(here.gateway, tree)) for tree in trees]
        wall_s = time.perf_counter() - began_s
        busy = [measure.cpu(pid) - earlier for pid, earlier in zip(pids, before, strict=True)]
        counts = [await _counts(ledger) for ledger in here.ledgers]
    answers = [task.result() for task in running]
    return Run(
        tree_s=[took_s / plan.time_scale for took_s, _ in answers],
        makespan_s=wall_s / plan.time_scale,
        calls=sum(count["requests"] for count in counts),
        prompt_tokens=sum(count["prompt_tokens"] for count in counts),
        cached_tokens=sum(count["cached_tokens"] for count in counts),
        completion_tokens=sum(count["completion_tokens"] for count in counts),
        preemptions=sum(count["preemptions"] for count in counts),
        waited_s=max(count["waited_s"] for count in counts) / plan.time_scale,
        server_busy=busy[0].own_s / wall_s,
        children_busy=busy[0].children_s / wall_s,
        stand_in_busy=max(used.total_s for used in busy[1:]) / wall_s,
        told={
            name: sum(usage[name] for _, usage in answers)
            for name in ("calls", "input_tokens", "cached_tokens", "output_tokens", "wasted_tokens")
        },
    )


@asynccontextmanager
async def _world(scenario: Scenario, policy: Policy, plan: Plan) -> AsyncGenerator[_World, None]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        flags = _flags(scenario, plan)
        replicas = [await stack.enter_async_context(stand_in(*flags)) for _ in range(plan.engines.replicas)]
        program = await stack.enter_async_context(server(_settings(replicas, policy, plan, folder)))
        gateway = Gateway(await stack.enter_async_context(session(program.url)))
        ledgers = [Ledger(await stack.enter_async_context(session(replica.url))) for replica in replicas]
        async with asyncio.timeout(READY_S):
            await gateway.all_ready(len(replicas))
        yield _World(server=program, replicas=replicas, gateway=gateway, ledgers=ledgers)


def _flags(scenario: Scenario, plan: Plan) -> list[str]:
    flags = {
        "script": "forest",
        "slots": plan.engines.slots,
        "window": WINDOW,
        "chunk-tokens": CHUNK_TOKENS,
        "chars-per-token": CHARS_PER_TOKEN,
        "kv-blocks": scenario.kv_tokens // BLOCK_TOKENS,
        "block-size": BLOCK_TOKENS,
        "prefill-tokens-per-s": plan.engines.prefill_tokens_per_s,
        "per-token-s": plan.engines.per_token_s,
        "time-scale": plan.time_scale,
    }
    return [f"--{name}={value}" for name, value in flags.items()]


def _settings(replicas: Sequence[Program], policy: Policy, plan: Plan, folder: Path) -> dict[str, str]:
    """A profile as an operator would measure it: the stand-in's token has as many bytes as the server believes."""
    config = folder / "rao.toml"
    config.write_text(
        f'[[profiles]]\nmodel = "stand-in"\nprompt = "{plan.prompt}"\nbytes_per_token = {CHARS_PER_TOKEN}\n'
    )
    return {
        "RAO_CONFIG": str(config),
        "RAO_REPLICAS": ",".join(replica.url for replica in replicas),
        "RAO_REPLICA_SLOTS": str(plan.engines.slots),
        "RAO_PLACEMENT": policy.placement,
        "RAO_ORDER": policy.order,
        "RAO_SYNC_WAIT_S": str(PATIENCE_S),
        # Who queues at a replica for KV room has no first token yet.
        "RAO_FIRST_TOKEN_TIMEOUT_S": str(PATIENCE_S),
        "RAO_INTER_TOKEN_TIMEOUT_S": str(PATIENCE_S),
    }


async def _warm_up(here: _World, tree: Node) -> None:
    """Connections, sandbox workers, the system prompt; of the forest itself the caches get nothing."""
    async with asyncio.TaskGroup() as group:
        for number in range(WARM_UP):
            leaf = lone_leaf(tree.scenario, tree.seed, FIRST_LEAF + number)
            group.create_task(here.gateway.solve(leaf.own_part))
    for ledger in here.ledgers:
        await ledger.reset()


async def _solve(gateway: Gateway, tree: Node) -> tuple[float, dict[str, int]]:
    took_s, told = await gateway.solve(tree.own_part)
    nodes = sum(1 for _ in tree.nodes)
    if told["answer"] != nodes:
        raise RuntimeError(f"the tree {tree.label} of {nodes} nodes answered {told['answer']}")
    return took_s, told["usage"]


async def _counts(ledger: Ledger) -> dict[str, Any]:
    told, entries = await ledger.summary(), await ledger.entries()
    let_in = [entry for entry in entries if entry["admitted_s"] is not None]
    return {
        **told["totals"],
        "waited_s": max((entry["admitted_s"] - entry["arrived_s"] for entry in let_in), default=0.0),
        "preemptions": sum(entry["preemptions"] for entry in entries),
    }
