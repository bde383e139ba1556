"""What 10,000 parked nodes take: each had two turns and waits for its child, and all ends of their chains hang.

Every node has a goal of 8 KiB and a context of 4 KiB of its own; the system prompt comes on top of that.
"""

import asyncio
import sys
import time
from dataclasses import asdict
from typing import Any

from benchmarks import command, measure
from benchmarks.figures import Figure, Report
from benchmarks.probing import livez_delays_s
from benchmarks.worlds import World, world

CHAINS = 500
LINKS = 20
PARKED = CHAINS * LINKS + 1
LOOK_S = 1.0
PARK_S = 180.0
END_S = 30.0
GB = 1e9


async def run() -> Report:
    """Park them, measure, cancel the tree; ask all the while whether the server is alive."""
    async with world(script="chains", slots=2 * CHAINS) as here:
        idle = measure.memory(here.server.pid)
        began_s = time.perf_counter()
        tree_id = await here.gateway.submit(f"chains {CHAINS} {LINKS + 1}")
        slowest_livez_s = await _park(here, tree_id)
        parking_s = time.perf_counter() - began_s
        full, replica = measure.memory(here.server.pid), measure.memory(here.replica.pid)
        prompt_tokens = max(entry["prompt_tokens"] for entry in await here.ledger.entries())
        cancelled_s = time.monotonic()
        await here.gateway.cancel(tree_id)
        abort_s = await here.ledger.cut_off(CHAINS) - cancelled_s
        async with asyncio.timeout(END_S):
            tree = await here.gateway.ended(tree_id)
        ending_s = time.monotonic() - cancelled_s
    per_node = (full.pss_bytes - idle.pss_bytes) / PARKED
    nodes = f"{tree['nodes']['canceled']:,} nodes"
    return Report(
        figures=(
            Figure(
                name=f"all of the server with {PARKED:,} nodes parked",
                value=full.pss_bytes / GB,
                unit="GB",
                bar=1.5,
                note=f"{full.processes} processes; {idle.pss_bytes / GB:.2f} GB of it while idle",
            ),
            Figure(
                name="bytes per parked node", value=per_node, note=f"prompts of up to {prompt_tokens * 4:,} characters"
            ),
            Figure(name="nodes parked per second", value=PARKED / parking_s, note=f"{parking_s:.1f} s"),
            Figure(name="/livez meanwhile, slowest", value=slowest_livez_s, unit="s", bar=1),
            Figure(name="cancel → no call in flight", value=abort_s, unit="s", bar=1, note=f"{CHAINS} calls"),
            Figure(name="cancel → tree ended", value=ending_s, unit="s", note=nodes),
        ),
        raw={
            "idle": asdict(idle),
            "parked": asdict(full),
            "replica": asdict(replica),
            "nodes": tree["nodes"],
            "parking_s": parking_s,
            "slowest_livez_s": slowest_livez_s,
            "abort_s": abort_s,
            "ending_s": ending_s,
        },
    )


async def _park(here: World, tree_id: str) -> float:
    """Wait until the last node of every chain is in its call, so all others wait. Returns the slowest `/livez`."""
    slowest_s = 0.0
    async with asyncio.timeout(PARK_S):
        while not _is_parked(await here.ledger.summary()):
            slowest_s = max([slowest_s, *await livez_delays_s(here.gateway, for_s=LOOK_S)])
            tree = await here.gateway.tree(tree_id)
            if tree["status"] not in {"submitted", "working"}:
                raise RuntimeError(f"the tree is {tree['status']} instead of parked: {tree['error']}")
    return slowest_s


def _is_parked(now: dict[str, Any]) -> bool:
    return now["running"] == CHAINS and now["totals"]["requests"] == PARKED * 2 + CHAINS


if __name__ == "__main__":
    sys.exit(command.main({"parked_memory": run}))
