"""A worker in a process of its own: `python -m tests.integration.docket_program URL NAME LABEL`.

Each of its trees says `start LABEL TREE`, runs until it is named on stdin, and says `end LABEL TREE`. SIGTERM has the
worker hand its trees over.
"""

import asyncio
import os
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from rao_runtime.adapters.docket_dispatch import DocketDispatch

ROOT = Path(__file__).parents[2]


async def main(url: str, name: str, label: str) -> None:
    """Works until SIGTERM."""
    loop, stop, ends = asyncio.get_running_loop(), asyncio.Event(), defaultdict[str, asyncio.Event](asyncio.Event)
    loop.add_signal_handler(signal.SIGTERM, stop.set)

    def listen() -> None:
        for tree_id in os.read(0, 4096).decode().split():
            ends[tree_id].set()

    async def run_tree(tree_id: str) -> None:
        print(f"start {label} {tree_id}", flush=True)
        await ends[tree_id].wait()
        print(f"end {label} {tree_id}", flush=True)

    async with DocketDispatch(run_tree, url=url, name=name, max_active=400, max_queued=1_000):
        loop.add_reader(0, listen)
        print(f"open {label}", flush=True)
        await stop.wait()


class Crew:
    """Workers, and what they say, in the order in which it is heard."""

    def __init__(self, url: str, name: str) -> None:
        self._place = (url, name)
        self._said = asyncio.Queue[str]()

    async def says(self, *expected: str, within_s: float = 20.0) -> None:
        """Wait for these to be said next, in any order. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            said = [await self._said.get() for _ in expected]
        assert sorted(said) == sorted(expected)

    @asynccontextmanager
    async def worker(self, label: str) -> AsyncGenerator[asyncio.subprocess.Process]:
        """A worker that is open; killed at the end."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, *self._place, label),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        hearing = asyncio.create_task(self._hear(process))
        try:
            await self.says(f"open {label}")
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await hearing

    async def _hear(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            await self._said.put(line.decode().strip())


def end(process: asyncio.subprocess.Process, tree_id: str) -> None:
    """Have a worker's tree end."""
    assert process.stdin is not None
    process.stdin.write(f"{tree_id}\n".encode())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
