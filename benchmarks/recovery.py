"""SIGKILL with 100 trees of 20 nodes in flight, and the time from the new start until all of their calls run again."""

import asyncio
import os
import signal
import sys
import tempfile
import time

from benchmarks import command
from benchmarks.clients import Gateway, Ledger
from benchmarks.figures import Figure, Report
from benchmarks.processes import server, stand_in
from benchmarks.worlds import session

TREES = 100
CHILDREN = 19
SLOTS = 4096
WAIT_S = 60.0


async def run() -> Report:
    """Their roots wait for 19 children each, whose calls hang, before the kill and after it."""
    with tempfile.TemporaryDirectory() as folder:
        async with stand_in("--script", "hanging", "--slots", str(SLOTS)) as replica, session(replica.url) as http:
            settings = {
                "RAO_REPLICAS": replica.url,
                "RAO_REPLICA_SLOTS": str(SLOTS),
                "RAO_DATA_DIR": folder,
                "RAO_FIRST_TOKEN_TIMEOUT_S": "600",
                "RAO_PRIME": "false",  # it would hang as the others
            }
            await _begin_and_kill(settings, Ledger(http))
            began_s = time.perf_counter()
            async with server(settings):
                ready_s = time.perf_counter() - began_s
                async with asyncio.timeout(WAIT_S):
                    await Ledger(http).running(TREES * CHILDREN)
                running_s = time.perf_counter() - began_s
    name = f"{TREES} trees of {CHILDREN + 1} nodes: until all run again"
    return Report(
        figures=(
            Figure(name=name, value=running_s, unit="s", bar=3, note=f"{ready_s:.2f} s of it until requests are taken"),
        ),
        raw={"ready_s": ready_s, "running_s": running_s},
    )


async def _begin_and_kill(settings: dict[str, str], ledger: Ledger) -> None:
    async with asyncio.timeout(WAIT_S), server(settings) as program, session(program.url) as http:
        gateway = Gateway(http)
        await gateway.ready()
        for _ in range(TREES):
            await gateway.submit(f"tree {CHILDREN}")
        await ledger.running(TREES * CHILDREN)
        os.kill(program.pid, signal.SIGKILL)
        await ledger.running(0)


if __name__ == "__main__":
    sys.exit(command.main({"recovery": run}))
