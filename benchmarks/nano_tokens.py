"""Output tokens a second of the embedded model: one node after the other, and 16 at once.

The floor is the engines alone with the same nodes, asked by as many threads: no loop, no queue, no deltas.
"""

import asyncio
import random
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import orjson

from benchmarks import command
from benchmarks.figures import Figure, Report, percentile
from rao_runtime.adapters.nano_body import body_of
from rao_runtime.adapters.nano_chat import Chat
from rao_runtime.adapters.nano_completion import Completion
from rao_runtime.adapters.nano_engine import Engine
from rao_runtime.adapters.nano_model import FOLDER, MODEL, SLOTS, NanoModel, nano_models
from rao_runtime.adapters.nano_tokenizer import Tokenizer
from rao_runtime.core.usage import Tokens
from rao_runtime.ports import Finished, Message, ModelRequest
from training.examples import Role, of_role

NODES = 320
ALONE = 40
WARM_UP = 24
AT_ONCE = 16
LEAVES = 15  # for each node that merges
BAR = 4_000
PROBE_S = 0.002

Node = Sequence[ModelRequest]


async def run() -> Report:
    """Alone, together, and the floor, in this order, each with nodes of its own."""
    nodes = _nodes(seed=4)
    warm_up, alone, together = (list(islice(nodes, count)) for count in (WARM_UP, ALONE, NODES))
    models = nano_models()
    try:
        await _solved(models, warm_up, AT_ONCE)
        one, _ = await _solved(models, alone, 1)
        probe = asyncio.create_task(_lags_s(lags_s := list[float]()))
        all_, tokens = await _solved(models, together, AT_ONCE)
        probe.cancel()
    finally:
        await asyncio.gather(*(model.aclose() for model in models))
    floor = await asyncio.to_thread(_floor, len(models), warm_up, together)
    calls = sum(map(len, together))
    note = f"{len(models)} engines; {tokens.input / calls:.0f} tokens in, {tokens.output / calls:.0f} out a call"
    return Report(
        figures=(
            Figure(name="one node at a time", value=one, unit="tokens/s", note="its engine uses one core"),
            Figure(name=f"{AT_ONCE} at once", value=all_, unit="tokens/s", bar=BAR, at_least=True, note=note),
            Figure(name="engines alone", value=floor, unit="tokens/s", note="the floor"),
            Figure(name="share of the floor", value=all_ / floor),
            Figure(name="cached", value=tokens.cached / tokens.input, note="share of prompt tokens"),
            Figure(name="loop's lag meanwhile, p99", value=percentile(lags_s, 99) * 1000, unit="ms", bar=5),
        ),
        raw={"calls": calls, "input_tokens": tokens.input, "output_tokens": tokens.output, "slots": SLOTS},
    )


def _nodes(seed: int) -> Iterator[Node]:
    """Nodes of two turns, as most of a tree are: one that prints its part and reads it, or splits and merges."""
    rng = random.Random(seed)
    while True:
        role = rng.choices((Role.ANSWER, Role.MERGE), weights=(LEAVES, 1))[0]
        messages = of_role(rng, role).messages[:4]
        yield [_request(messages[:turns], seed=rng.randrange(1 << 32)) for turns in range(2, len(messages) + 1, 2)]


def _request(messages: tuple[Message, ...], *, seed: int) -> ModelRequest:
    return ModelRequest(
        request_id="nano", model=MODEL, messages=messages, max_tokens=256, seed=seed, stop=("</python>",)
    )


async def _solved(models: Sequence[NanoModel], nodes: Sequence[Node], at_once: int) -> tuple[float, Tokens]:
    """Output tokens a second, and all tokens; a node's turns go to one engine, as the pool would have it."""
    left = iter(enumerate(nodes))
    ends = list[Tokens]()

    async def solver() -> None:
        for number, node in left:
            for request in node:
                async for item in models[number % len(models)].stream(request):
                    if isinstance(item, Finished) and item.tokens is not None:
                        ends.append(item.tokens)

    began_s = time.perf_counter()
    async with asyncio.TaskGroup() as solvers:
        for _ in range(at_once):
            solvers.create_task(solver())
    took_s = time.perf_counter() - began_s
    total = Tokens(
        input=sum(end.input for end in ends),
        cached=sum(end.cached for end in ends),
        output=sum(end.output for end in ends),
    )
    return total.output / took_s, total


async def _lags_s(lags_s: list[float]) -> None:
    """How much later than asked for the loop comes back, again and again."""
    while True:
        began_s = time.perf_counter()
        await asyncio.sleep(PROBE_S)
        lags_s.append(time.perf_counter() - began_s - PROBE_S)


def _floor(engines: int, warm_up: Sequence[Node], nodes: Sequence[Node]) -> float:
    """Output tokens a second of as many engines with nothing around them."""
    window = orjson.loads((FOLDER / "config.json").read_bytes())["max_position_embeddings"]
    chat = Chat(Tokenizer(orjson.loads((FOLDER / "tokenizer.json").read_bytes())), window=window)
    loaded = [Engine(FOLDER, window=window, slots=SLOTS) for _ in range(engines)]

    def solved(job: tuple[int, Node]) -> int:
        number, node = job
        return sum(_written(loaded[number % engines], chat, request) for request in node)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(solved, enumerate(warm_up)))
        began_s = time.perf_counter()
        tokens = sum(threads.map(solved, enumerate(nodes)))
        took_s = time.perf_counter() - began_s
    for engine in loaded:
        engine.close()
    return tokens / took_s


def _written(engine: Engine, chat: Chat, request: ModelRequest) -> int:
    completion = Completion(request.stop)
    counts = [0]

    def take(chunk: bytes) -> bool:
        tokens = completion.take(chunk)[-1].tokens
        counts[0] = 0 if tokens is None else tokens.output
        return completion.over

    engine.complete(body_of(request, chat.prompt(request.messages)), take)
    return counts[0]


if __name__ == "__main__":
    sys.exit(command.main({"nano_tokens": run}))
