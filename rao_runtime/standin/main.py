"""The stand-in as a program."""

import argparse
import asyncio
import signal
from collections.abc import Sequence

from rao_runtime.standin.config import StandInConfig, of_options
from rao_runtime.standin.script import Script
from rao_runtime.standin.server import StandIn
from rao_runtime.standin.toy import ToyScript
from rao_runtime.standin.tree import TreeScript

try:
    import uvloop
except ImportError:  # not there on Windows
    uvloop = None

DEFAULT = StandInConfig()


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
        config = of_options(options, models=options.model or DEFAULT.models, faults=options.fault)
    except ValueError as error:
        parser.error(str(error))
    script = ToyScript() if options.script == "toy" else TreeScript(turns=options.turns, context_chars=options.context)
    factory = None if uvloop is None else uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(config, script, options.host, options.port))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rao_runtime.standin", description="A stand-in for a vLLM server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: the system chooses; the URL is printed")
    parser.add_argument("--script", choices=("toy", "tree"), default="toy")
    parser.add_argument("--turns", type=int, default=2, help="tree: turns of a node")
    parser.add_argument("--context", type=int, default=0, help="tree: characters of context for each child")
    parser.add_argument("--model", action="append", help="a served model's name; may be repeated")
    parser.add_argument("--window", type=int, default=DEFAULT.window)
    parser.add_argument("--slots", type=int, default=DEFAULT.slots)
    parser.add_argument("--queue-limit", type=int, default=DEFAULT.queue_limit)
    parser.add_argument("--first-token-s", type=float, default=DEFAULT.first_token_s)
    parser.add_argument("--per-token-s", type=float, default=DEFAULT.per_token_s)
    parser.add_argument("--jitter", type=float, default=DEFAULT.jitter)
    parser.add_argument("--chunk-tokens", type=int, default=DEFAULT.chunk_tokens)
    parser.add_argument("--kv-blocks", type=int, help="blocks of the KV cache; without it there is none")
    parser.add_argument("--block-size", type=int, default=DEFAULT.block_size, help="tokens of a block")
    parser.add_argument("--prefill-tokens-per-s", type=float, help="how fast prompts are read; needs --kv-blocks")
    parser.add_argument("--prefill-chunk-tokens", type=int, default=DEFAULT.prefill_chunk_tokens)
    parser.add_argument("--time-scale", type=float, default=DEFAULT.time_scale, help="0.1: ten times faster")
    parser.add_argument("--keep-alive-s", type=float, help="close connections that are idle for so long")
    parser.add_argument("--seed", type=int, default=DEFAULT.seed)
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME=RATE", help="e.g. 503=0.05; may be repeated"
    )
    return parser
