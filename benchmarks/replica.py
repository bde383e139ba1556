"""The stand-in with a script of these benchmarks: `python -m benchmarks.replica --script chains`.

Every other flag is a setting of the stand-in: `--slots 32 --kv-blocks 7500`.
"""

import argparse
import asyncio

import uvloop

from benchmarks.scripts import SCRIPTS
from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.main import serve

WHOLE = ("slots", "window", "chunk_tokens", "chars_per_token", "kv_blocks", "block_size", "prefill_chunk_tokens")
NUMBERS = ("first_token_s", "per_token_s", "prefill_tokens_per_s", "time_scale")


def main() -> None:
    """Serve until SIGINT or SIGTERM; the first line on standard output is the URL."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replica", description=__doc__)
    parser.add_argument("--script", choices=tuple(SCRIPTS), default="tree")
    for names, kind in ((WHOLE, int), (NUMBERS, float)):
        for name in names:
            parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=argparse.SUPPRESS)
    given = vars(parser.parse_args())
    script = SCRIPTS[given.pop("script")]()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(StandInConfig(**given), script, "127.0.0.1", 0))


if __name__ == "__main__":
    main()
