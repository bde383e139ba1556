"""The stand-in with a script of these benchmarks: `python -m benchmarks.replica --script chains`."""

import argparse
import asyncio

import uvloop

from benchmarks.scripts import SCRIPTS
from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.main import serve


def main() -> None:
    """Serve until SIGINT or SIGTERM; the first line on standard output is the URL."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replica", description=__doc__)
    parser.add_argument("--script", choices=tuple(SCRIPTS), default="tree")
    parser.add_argument("--slots", type=int, default=256)
    parser.add_argument("--first-token-s", type=float, default=0.0)
    options = parser.parse_args()
    config = StandInConfig(slots=options.slots, first_token_s=options.first_token_s)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(config, SCRIPTS[options.script](), "127.0.0.1", 0))


if __name__ == "__main__":
    main()
