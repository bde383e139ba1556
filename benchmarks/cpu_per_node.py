"""CPU of a node, all processes of the server counted; beside it the bare calls, and PyPI `rlms`, as ratios."""

import sys
from dataclasses import asdict, dataclass

from benchmarks import command, measure
from benchmarks.figures import Figure, Report
from benchmarks.processes import answer_of, stand_in
from benchmarks.runs import RUNS, median
from benchmarks.shape import LARGE, SMALL, Shape
from benchmarks.worlds import world

LATENCY_S = 0.05
PEER_S = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds one tree took: by the clock, of all CPUs, and of the CPUs in the server's children alone."""

    nodes: int
    wall_s: float
    cpu_s: float
    workers_s: float = 0.0
    replica_s: float = 0.0

    @property
    def node_ms(self) -> float:
        """CPU milliseconds of a node."""
        return self.cpu_s / self.nodes * 1000


async def run() -> Report:
    """The large tree without latency; the small one with and without, to compare with `rlms`."""
    costs = {
        "ours_large": await ours(LARGE, 0),
        "ours_large_in_memory": await ours(LARGE, 0, in_memory=True),
        "floor_large": await other("benchmarks.floor", "tree", LARGE, 0),
        "ours_small": await ours(SMALL, LATENCY_S),
        "floor_small": await other("benchmarks.floor", "tree", SMALL, LATENCY_S),
        "rlms_small": await other("benchmarks.peer_rlms", "rlm", SMALL, LATENCY_S),
        "ours_small_zero": await ours(SMALL, 0),
        "rlms_small_zero": await other("benchmarks.peer_rlms", "rlm", SMALL, 0),
    }
    return Report(figures=figures(costs), raw={name: asdict(cost) for name, cost in costs.items()})


def figures(costs: dict[str, Cost]) -> tuple[Figure, ...]:
    """The rows of the table."""
    large, floor, small, peer = (costs[name] for name in ("ours_large", "floor_large", "ours_small", "rlms_small"))
    memory_ms = costs["ours_large_in_memory"].node_ms
    workers_ms, replica_ms = large.workers_s / large.nodes * 1000, large.replica_s / large.nodes * 1000
    return (
        Figure(
            name="CPU per node",
            value=large.node_ms,
            unit="ms",
            bar=4,
            note=f"{workers_ms:.2g} ms of it in sandbox and store; the stand-in's {replica_ms:.2g} ms are not counted",
        ),
        Figure(
            name="journal in Redis, its own CPU included, over one in memory",
            value=large.node_ms - memory_ms,
            unit="ms",
            bar=1.5,
            note=f"{memory_ms:.2g} ms in memory",
        ),
        Figure(
            name="ours ÷ floor", value=large.node_ms / floor.node_ms, note=f"the bare calls take {floor.node_ms:.2g} ms"
        ),
        Figure(name=f"ours at {SMALL.nodes} nodes, {LATENCY_S * 1000:.0f} ms calls", value=small.node_ms, unit="ms"),
        Figure(
            name="rlms ÷ ours there: CPU",
            value=peer.node_ms / small.node_ms,
            note=f"{peer.node_ms:.3g} ms a node; {costs['rlms_small_zero'].node_ms:.3g} ms without latency",
        ),
        Figure(
            name="rlms ÷ ours there: wall",
            value=peer.wall_s / small.wall_s,
            note=f"{peer.wall_s:.2f} s against {small.wall_s:.2f} s; at least {SMALL.critical_path_s(LATENCY_S):.2f} s",
        ),
        Figure(
            name="floor ÷ ours there: wall",
            value=costs["floor_small"].wall_s / small.wall_s,
            note=f"{costs['floor_small'].wall_s:.2f} s",
        ),
    )


async def ours(shape: Shape, latency_s: float, *, in_memory: bool = False) -> Cost:
    """The median of three trees, after one to warm up."""
    async with world(first_token_s=latency_s, in_memory=in_memory) as here:
        await here.gateway.solve(shape.goal)
        costs = list[Cost]()
        for _ in range(RUNS):
            before, replica = measure.cpu(here.server.pid), measure.cpu(here.replica.pid)
            wall_s, _ = await here.gateway.solve(shape.goal)
            used = measure.cpu(here.server.pid) - before
            costs.append(
                Cost(
                    nodes=shape.nodes,
                    wall_s=wall_s,
                    cpu_s=used.total_s,
                    workers_s=used.children_s,
                    replica_s=(measure.cpu(here.replica.pid) - replica).total_s,
                )
            )
    return median(costs, lambda cost: cost.cpu_s)


async def other(module: str, script: str, shape: Shape, latency_s: float) -> Cost:
    """What a program of its own measures of itself, as often as `ours` is, at a stand-in of its own."""
    async with stand_in("--script", script, "--first-token-s", str(latency_s)) as replica:
        found = await answer_of(module, replica.url, *map(str, shape.fanout), timeout_s=PEER_S)
    return Cost(nodes=found["nodes"], wall_s=found["wall_s"], cpu_s=found["cpu_s"])


if __name__ == "__main__":
    sys.exit(command.main({"cpu_per_node": run}))
