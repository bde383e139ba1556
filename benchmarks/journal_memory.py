"""What a turn takes in Redis, its text included: by Redis's own count, over trees of 111 nodes.

The text is not taken off: an event is compressed as a whole, and what of that is its text nobody can tell.
"""

import sys
import tempfile
from pathlib import Path

from redis.asyncio import Redis

from benchmarks import command
from benchmarks.clients import Gateway
from benchmarks.figures import Figure, Report
from benchmarks.processes import server, stand_in
from benchmarks.shape import SMALL
from benchmarks.worlds import session

TREES = 20
KIB = 1024


async def run() -> Report:
    """Redis's memory after the trees, less what it was before."""
    with tempfile.TemporaryDirectory() as folder:
        async with stand_in("--script", "tree") as replica:
            settings = {"RAO_REPLICAS": replica.url, "RAO_DATA_DIR": folder}
            async with server(settings) as program, session(program.url) as http:
                gateway = Gateway(http)
                await gateway.ready()
                await gateway.solve(SMALL.goal)
                before = await _used_bytes(folder)
                trees = [(await gateway.solve(SMALL.goal))[1]["tree_id"] for _ in range(TREES)]
                used = await _used_bytes(folder) - before
                text = sum([await gateway.text_bytes(tree_id) for tree_id in trees])
    turns = TREES * SMALL.calls
    return Report(
        figures=(
            Figure(
                name="Redis memory per turn",
                value=used / turns / KIB,
                unit="KiB",
                bar=2,
                note=f"its text has {text / turns:.0f} bytes before it is compressed; {SMALL.nodes} nodes a tree",
            ),
        ),
        raw={"used_bytes": used, "text_bytes": text, "turns": turns},
    )


async def _used_bytes(folder: str) -> int:
    async with Redis(unix_socket_path=str(Path(folder) / "valkey.sock")) as redis:
        told = await redis.info("memory")  # pyright: ignore[reportUnknownMemberType] - its stub
        return int(told["used_memory"])


if __name__ == "__main__":
    sys.exit(command.main({"journal_memory": run}))
