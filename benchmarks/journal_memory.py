"""What a turn takes in Redis beyond its text: by Redis's own count, over trees of 111 nodes."""

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
    """Redis's memory before and after, less the bytes of what models wrote and cells printed."""
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
                name="Redis memory per turn beyond its text",
                value=(used - text) / turns / KIB,
                unit="KiB",
                bar=2,
                note=f"{used / turns:.0f} bytes in all, {text / turns:.0f} of them text; {SMALL.nodes} nodes a tree",
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
