"""Nodes per second of one server process on a tree of 1,111 nodes whose calls take no time."""

import sys
from statistics import median

from benchmarks import command
from benchmarks.figures import Figure, Report
from benchmarks.shape import LARGE
from benchmarks.worlds import world

RUNS = 3


async def run() -> Report:
    """With the journal in a store of its own, as by default, and in memory."""
    stored_s, memory_s = await _walls_s(in_memory=False), await _walls_s(in_memory=True)
    stored, memory = ([LARGE.nodes / wall_s for wall_s in walls_s] for walls_s in (stored_s, memory_s))
    return Report(
        figures=(
            Figure(name="nodes per second, median", value=median(stored), bar=200, at_least=True),
            Figure(name="nodes per second, best", value=max(stored), note=f"of {RUNS}"),
            Figure(name="nodes per second, journal in memory", value=median(memory), bar=250, at_least=True),
        ),
        raw={"wall_s": stored_s, "memory_wall_s": memory_s, "nodes": LARGE.nodes},
    )


async def _walls_s(*, in_memory: bool) -> list[float]:
    """One tree to warm up, then three."""
    async with world(in_memory=in_memory) as here:
        await here.gateway.solve(LARGE.goal)
        return [(await here.gateway.solve(LARGE.goal))[0] for _ in range(RUNS)]


if __name__ == "__main__":
    sys.exit(command.main({"tree_throughput": run}))
