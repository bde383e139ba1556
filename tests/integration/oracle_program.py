"""The oracle as a replica of its own: `python -m tests.integration.oracle_program` prints its URL, then serves."""

import asyncio
import signal

from rao_runtime.ports import Message
from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.request import ChatRequest
from rao_runtime.standin.script import RuleScript
from rao_runtime.standin.server import StandIn
from training.oracle import completion

MODEL = "oracle"
WINDOW = 1024
# A tree grows long enough for somebody to watch it, however quick the machine.
FIRST_TOKEN_S = 0.25


def said(request: ChatRequest) -> str:
    """What the oracle writes."""
    return completion([Message(message.role, message.text) for message in request.messages])


async def serve() -> None:
    """Until the process is told to end."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    config = StandInConfig(models=(MODEL,), window=WINDOW, chars_per_token=3, first_token_s=FIRST_TOKEN_S)
    async with StandIn(config, RuleScript(said)) as replica:
        print(replica.url, flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve())
