"""The least the calls of a tree cost: bare asyncio, the runtime's own client, no journal, sandbox or budget.

`python -m benchmarks.floor URL 10 10 10` prints the seconds of a tree of that shape at this stand-in.
"""

import asyncio
import sys
import time

import orjson
import uvloop

from benchmarks.runs import RUNS, median
from benchmarks.shape import TURNS, Shape
from rao_runtime.adapters.monty import SANDBOX_NOTES
from rao_runtime.adapters.openai_http import OpenAiReplica
from rao_runtime.core.profile import ProtocolName
from rao_runtime.engine.prompts import system_prompt
from rao_runtime.ports import Message, ModelRequest, TextDelta

SLOTS = 256


class Floor:
    """Asks for the calls of a tree, a node's one after the other, at most as many at once as there are slots."""

    def __init__(self, replica: OpenAiReplica) -> None:
        self._replica = replica
        self._slots = asyncio.Semaphore(SLOTS)
        self._system = Message("system", system_prompt(ProtocolName.RAO, SANDBOX_NOTES))
        self._calls = 0

    async def node(self, shape: Shape, number: str = "") -> None:
        """One node and everything below it; a child's goal ends with its `number`, as the script has children's end."""
        messages = [self._system, Message("user", f"context is None.\nGoal: {shape.goal}{number}")]
        for turn in range(TURNS):
            messages.append(Message("assistant", await self._call(tuple(messages))))
            if turn == 0 and shape.fanout:
                below = Shape(shape.fanout[1:])
                await asyncio.gather(*(self.node(below, f" #{child}") for child in range(shape.fanout[0])))
            messages.append(Message("user", f"[Cell {turn} Output]\n(No output)"))

    async def _call(self, messages: tuple[Message, ...]) -> str:
        self._calls += 1
        request = ModelRequest(
            request_id=f"floor-{self._calls}",
            model="stand-in",
            messages=messages,
            max_tokens=2048,
            stop=("</python>",),
        )
        async with self._slots:
            return "".join([item.text async for item in self._replica.stream(request) if isinstance(item, TextDelta)])


async def measured(url: str, shape: Shape) -> dict[str, float]:
    """Wall and CPU seconds of the tree, the median of three after one to warm up."""
    replica = OpenAiReplica(url)
    floor = Floor(replica)
    try:
        await floor.node(shape)
        costs = [await _cost(floor, shape) for _ in range(RUNS)]
    finally:
        await replica.aclose()
    return median(costs, lambda cost: cost["cpu_s"])


async def _cost(floor: Floor, shape: Shape) -> dict[str, float]:
    began_s, used_s = time.perf_counter(), time.process_time()
    await floor.node(shape)
    return {"wall_s": time.perf_counter() - began_s, "cpu_s": time.process_time() - used_s, "nodes": shape.nodes}


def main() -> None:
    """Print the result as JSON."""
    shape = Shape(tuple(map(int, sys.argv[2:])))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(orjson.dumps(runner.run(measured(sys.argv[1], shape))).decode())


if __name__ == "__main__":
    main()
