"""Nodes per second of one server process on a tree of 1,111 nodes whose calls take no time."""

import sys
from statistics import median

from benchmarks import command
from benchmarks.figures import Figure, Report
from benchmarks.shape import LARGE
from benchmarks.worlds import world

RUNS = 3


async def run() -> Report:
    """One tree to warm up, then three."""
    async with world() as here:
        await here.gateway.solve(LARGE.goal)
        walls_s = [(await here.gateway.solve(LARGE.goal))[0] for _ in range(RUNS)]
    rates = [LARGE.nodes / wall_s for wall_s in walls_s]
    return Report(
        figures=(
            Figure(name="nodes per second, median", value=median(rates), bar=250, at_least=True),
            Figure(name="nodes per second, best", value=max(rates), note=f"of {RUNS}"),
        ),
        raw={"wall_s": walls_s, "nodes": LARGE.nodes},
    )


if __name__ == "__main__":
    sys.exit(command.main({"tree_throughput": run}))
