"""The stand-in as a program."""

import argparse
import asyncio
import signal
from collections.abc import Sequence

from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.script import Script
from rao_runtime.standin.server import StandIn
from rao_runtime.standin.toy import ToyScript
from rao_runtime.standin.tree import TreeScript

try:
    import uvloop
except ImportError:  # not there on Windows
    uvloop = None


async def serve(config: StandInConfig, script: Script, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM. The first line on standard output is the URL, written once requests are taken."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    async with StandIn(config, script, host=host, port=port) as stand_in:
        print(stand_in.url, flush=True)
        await stop.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line. Returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        config = StandInConfig(
            models=tuple(options.model or ("stand-in",)),
            window=options.window,
            slots=options.slots,
            queue_limit=options.queue_limit,
            first_token_s=options.first_token_s,
            per_token_s=options.per_token_s,
            jitter=options.jitter,
            chunk_tokens=options.chunk_tokens,
            seed=options.seed,
            kv_blocks=options.kv_blocks,
            block_size=options.block_size,
            prefill_tokens_per_s=options.prefill_tokens_per_s,
            prefill_chunk_tokens=options.prefill_chunk_tokens,
            time_scale=options.time_scale,
            keep_alive_s=options.keep_alive_s,
            faults=dict(_rate(text) for text in options.fault),
        )
    except ValueError as error:
        parser.error(str(error))
    script = ToyScript() if options.script == "toy" else TreeScript(turns=options.turns, context_chars=options.context)
    factory = None if uvloop is None else uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(config, script, options.host, options.port))
    return 0


def _rate(text: str) -> tuple[str, float]:
    name, _, rate = text.partition("=")
    return name, float(rate or 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rao_runtime.standin", description="A stand-in for a vLLM server.")
    default = StandInConfig()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: the system chooses; the URL is printed")
    parser.add_argument("--script", choices=("toy", "tree"), default="toy")
    parser.add_argument("--turns", type=int, default=2, help="tree: turns of a node")
    parser.add_argument("--context", type=int, default=0, help="tree: characters of context for each child")
    parser.add_argument("--model", action="append", help="a served model's name; may be repeated")
    parser.add_argument("--window", type=int, default=default.window)
    parser.add_argument("--slots", type=int, default=default.slots)
    parser.add_argument("--queue-limit", type=int, default=default.queue_limit)
    parser.add_argument("--first-token-s", type=float, default=default.first_token_s)
    parser.add_argument("--per-token-s", type=float, default=default.per_token_s)
    parser.add_argument("--jitter", type=float, default=default.jitter)
    parser.add_argument("--chunk-tokens", type=int, default=default.chunk_tokens)
    parser.add_argument("--kv-blocks", type=int, help="blocks of the KV cache; without it there is none")
    parser.add_argument("--block-size", type=int, default=default.block_size, help="tokens of a block")
    parser.add_argument("--prefill-tokens-per-s", type=float, help="how fast prompts are read; needs --kv-blocks")
    parser.add_argument("--prefill-chunk-tokens", type=int, default=default.prefill_chunk_tokens)
    parser.add_argument("--time-scale", type=float, default=default.time_scale, help="0.1: ten times faster")
    parser.add_argument("--keep-alive-s", type=float, help="close connections that are idle for so long")
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME=RATE", help="e.g. 503=0.05; may be repeated"
    )
    return parser
