"""Time from `POST /solve` to the first event over SSE with gateway and worker apart, on a Valkey between them."""

import sys
import tempfile
from pathlib import Path

from benchmarks import command
from benchmarks.clients import Gateway
from benchmarks.figures import Figure, Report, percentile
from benchmarks.processes import server, stand_in, valkey, worker
from benchmarks.worlds import session

LEAF = "tree #0"
WARM_UP = 20
REQUESTS = 200


async def run() -> Report:
    """The gateway runs no trees itself."""
    with tempfile.TemporaryDirectory() as folder:
        async with stand_in("--script", "tree") as replica, valkey(Path(folder)) as url:
            settings = {"RAO_REPLICAS": replica.url, "RAO_REDIS_URL": url}
            apart = {**settings, "RAO_WORKER": "false"}
            async with server(apart) as program, worker(settings), session(program.url) as http:
                gateway = Gateway(http)
                await gateway.ready()
                for _ in range(WARM_UP):
                    await gateway.first_event_s(LEAF, to_the_end=True)
                first_s = [await gateway.first_event_s(LEAF, to_the_end=True) for _ in range(REQUESTS)]
                whole_s = [(await gateway.solve(LEAF))[0] for _ in range(REQUESTS)]
    return Report(
        figures=(
            Figure(name="first event, p50", value=percentile(first_s, 50) * 1000, unit="ms", bar=20),
            Figure(name="first event, p95", value=percentile(first_s, 95) * 1000, unit="ms"),
            Figure(name="a whole tree of one node, two turns, p50", value=percentile(whole_s, 50) * 1000, unit="ms"),
        ),
        raw={"first_event_s": first_s, "whole_s": whole_s},
    )


if __name__ == "__main__":
    sys.exit(command.main({"apart": run}))
