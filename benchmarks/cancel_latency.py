"""Time from a cancel until no call is in flight at the stand-in, by the stand-in's own record."""

import asyncio
import sys
import time
from statistics import median

from benchmarks import command
from benchmarks.figures import Figure, Report
from benchmarks.shape import LARGE
from benchmarks.worlds import World, world

RUNS = 5
SLOTS = 256
WAIT_S = 30.0


async def run() -> Report:
    """Five trees of 1,111 nodes, cancelled with 256 calls in flight and the other leaves waiting for a slot."""
    async with world(script="hanging", slots=SLOTS) as here:
        latencies_s = [await _one(here) for _ in range(RUNS)]
    return Report(
        figures=(
            Figure(
                name="cancel → no call in flight, slowest", value=max(latencies_s), unit="s", bar=1, note=f"of {RUNS}"
            ),
            Figure(name="cancel → no call in flight, median", value=median(latencies_s), unit="s"),
        ),
        raw={"latency_s": latencies_s},
    )


async def _one(here: World) -> float:
    await here.ledger.reset()
    tree_id = await here.gateway.submit(LARGE.goal)
    async with asyncio.timeout(WAIT_S):
        await here.ledger.running(SLOTS)
    cancelled_s = time.monotonic()
    await here.gateway.cancel(tree_id)
    latency_s = await here.ledger.cut_off(SLOTS) - cancelled_s
    async with asyncio.timeout(WAIT_S):
        await here.gateway.ended(tree_id)
    return latency_s


if __name__ == "__main__":
    sys.exit(command.main({"cancel_latency": run}))
