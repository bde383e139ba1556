"""The longest a server takes to say that it is alive while a large tree and cells of the worst kind run."""

import asyncio
import sys
import time
from typing import Any

from benchmarks import command
from benchmarks.clients import Gateway
from benchmarks.figures import Figure, Report, percentile
from benchmarks.probing import livez_delays_s
from benchmarks.scripts import NASTY
from benchmarks.shape import LARGE
from benchmarks.worlds import world

LOAD_S = 15.0
NASTY_LIMITS = {"max_turns": 3, "max_nodes": 500}


async def run() -> Report:
    """Ask every 50 ms, whether or not the last answer is there."""
    async with world(script="nasty") as here:
        await here.gateway.livez()
        async with asyncio.TaskGroup() as group:
            probing = group.create_task(livez_delays_s(here.gateway, for_s=LOAD_S))
            nasty = group.create_task(_nasty(here.gateway))
            large = group.create_task(_large(here.gateway))
    delays_s, found, finished = probing.result(), nasty.result(), large.result()
    return Report(
        figures=(
            Figure(
                name="/livez, slowest",
                value=max(delays_s),
                unit="s",
                bar=1,
                note=f"of {len(delays_s)}; beside {', '.join(found)} and {finished} trees of {LARGE.nodes:,} nodes",
            ),
            Figure(name="/livez, p99", value=percentile(delays_s, 99) * 1000, unit="ms"),
        ),
        raw={"delay_s": delays_s, "nasty": found, "trees": finished},
    )


async def _nasty(gateway: Gateway) -> dict[str, Any]:
    """How each kind of cell ended; those that go on are cancelled in the end."""
    trees = {kind: await gateway.submit(f"nasty {kind}", **NASTY_LIMITS) for kind in NASTY}
    await asyncio.sleep(LOAD_S)
    for tree_id in trees.values():
        await gateway.cancel(tree_id)
    ended = {kind: await gateway.ended(tree_id) for kind, tree_id in trees.items()}
    return {kind: {"status": tree["status"], "error": tree["error"]} for kind, tree in ended.items()}


async def _large(gateway: Gateway) -> int:
    """How many large trees ended in time."""
    finished = 0
    until_s = time.perf_counter() + LOAD_S
    while time.perf_counter() < until_s:
        tree_id = await gateway.submit(LARGE.goal)
        try:
            async with asyncio.timeout(until_s - time.perf_counter()):
                await gateway.ended(tree_id)
        except TimeoutError:
            await gateway.cancel(tree_id)
            return finished
        finished += 1
    return finished


if __name__ == "__main__":
    sys.exit(command.main({"livez_under_load": run}))
