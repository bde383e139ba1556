"""The oracle as a replica of its own: `python -m tests.integration.oracle_program` prints its URL, then serves."""

import asyncio
import signal

from training.evaluation.oracle_replica import WINDOW, oracle_replica

__all__ = ["MODEL", "WINDOW"]

MODEL = "oracle"
# A tree grows long enough for somebody to watch it, however quick the machine.
FIRST_TOKEN_S = 0.25


async def serve() -> None:
    """Until the process is told to end."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with oracle_replica(MODEL, call_s=FIRST_TOKEN_S) as url:
        print(url, flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve())
