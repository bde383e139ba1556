"""Runs as many worlds as wanted: `python -m tests.chaos --seeds 0..50 [--kills 20]`, `--seed 7` for one."""

import argparse
import asyncio

from tests.chaos.clients_run import run_clients
from tests.chaos.report import Report, summary
from tests.chaos.run import SIGNALS_PER_SEED, Broken, run_seed


def main() -> int:
    """The exit status is the number of seeds that broke a rule, 100 at most."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--seeds", default="0..10", help="first..last without the last")
    parser.add_argument("--clients", action="store_true", help="fifty clients follow a few trees instead")
    parser.add_argument("--kills", type=int, default=SIGNALS_PER_SEED, help="processes killed for each seed")
    asked = parser.parse_args()
    first, _, last = str(asked.seeds).partition("..")
    seeds = range(int(first), int(last)) if asked.seed is None else [asked.seed]
    reports, broken = list[Report](), list[int]()
    for seed in seeds:
        try:
            if asked.clients:
                print(asyncio.run(run_clients(seed)))
            else:
                reports.append(asyncio.run(run_seed(seed, asked.kills)))
        except Broken as error:
            broken.append(seed)
            print(f"=== seed {seed}: {error}", flush=True)
    if reports:
        print(summary(reports))
    if broken:
        print(f"broken: {broken}")
    return min(len(broken), 100)


if __name__ == "__main__":
    raise SystemExit(main())
