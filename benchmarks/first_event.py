"""Time from `POST /solve` to the first event over SSE, on an idle server and beside a tree of 1,111 nodes."""

import asyncio
import sys
from collections.abc import Sequence

from benchmarks import command
from benchmarks.figures import Figure, Report, percentile
from benchmarks.shape import LARGE
from benchmarks.worlds import World, world

LEAF = "tree #0"
WARM_UP = 20
REQUESTS = 200
LATENCY_S = 1.0
# The large tree takes 14 s on 256 slots.
PERIOD_S = 0.05


async def run() -> Report:
    """Idle first, then loaded."""
    async with world() as here:
        for _ in range(WARM_UP):
            await here.gateway.first_event_s(LEAF, to_the_end=True)
        idle_s = [await here.gateway.first_event_s(LEAF, to_the_end=True) for _ in range(REQUESTS)]
        loaded_s = await _beside_a_tree(here)
    return Report(
        figures=(
            Figure(name="p50, idle", value=percentile(idle_s, 50) * 1000, unit="ms", bar=10),
            *_others("idle", idle_s),
            Figure(name="p50, beside a large tree", value=percentile(loaded_s, 50) * 1000, unit="ms"),
            *_others("beside a large tree", loaded_s),
        ),
        raw={"idle_s": idle_s, "loaded_s": loaded_s},
    )


def _others(name: str, times_s: Sequence[float]) -> tuple[Figure, ...]:
    note = f"{len(times_s)} requests, the slowest {max(times_s) * 1000:.1f} ms"
    return (Figure(name=f"p95, {name}", value=percentile(times_s, 95) * 1000, unit="ms", note=note),)


async def _beside_a_tree(here: World) -> list[float]:
    await here.ledger.set(first_token_s=LATENCY_S)
    tree_id = await here.gateway.submit(LARGE.goal)
    times_s = list[float]()
    for _ in range(REQUESTS):
        times_s.append(await here.gateway.first_event_s(LEAF, to_the_end=False))
        await asyncio.sleep(PERIOD_S)
    if (await here.gateway.tree(tree_id))["status"] != "working":
        raise RuntimeError("the large tree ended too early")
    await here.gateway.cancel(tree_id)
    return times_s


if __name__ == "__main__":
    sys.exit(command.main({"first_event": run}))
