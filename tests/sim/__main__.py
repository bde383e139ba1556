"""Runs as many simulated worlds as wanted: `python -m tests.sim --seeds 0..5000 [--shuffle] [--digest]`."""

import argparse
import logging
import time
import traceback
from collections import Counter
from collections.abc import Sequence

from tests.sim.explore import Report, run_seed


def main() -> int:
    """The exit status is the number of seeds that broke an invariant, 100 at most."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seeds", default="0..200", help="one number, or first..last without the last")
    parser.add_argument("--shuffle", action="store_true", help="draw the order of ready callbacks too")
    parser.add_argument("--deaths", action="store_true", help="kill the process in the midst of its trees")
    parser.add_argument("--failing", action="store_true", help="have one attempt in ten fail, in every way there is")
    parser.add_argument("--scarce", action="store_true", help="give replicas KV caches that hold a few prompts")
    parser.add_argument("--digest", action="store_true", help="print a fingerprint of every seed's journals")
    parser.add_argument("--most", type=int, default=5, help="stop after so many broken seeds")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    first, _, last = str(asked.seeds).partition("..")
    reports = list[Report]()
    broken = list[int]()
    begun = time.perf_counter()
    for seed in range(int(first), int(last or int(first) + 1)):
        try:
            drawn = {name: getattr(asked, name) for name in ("shuffle", "deaths", "failing", "scarce")}
            reports.append(run_seed(seed, **drawn))
        except Exception:  # noqa: BLE001 - whatever a seed brings to light is to be shown, and the next one run
            broken.append(seed)
            print(f"=== seed {seed}\n{traceback.format_exc()}", flush=True)
            if len(broken) >= asked.most:
                break
            continue
        if asked.digest:
            print(seed, reports[-1].digest)
    if not asked.digest:
        _sum_up(reports, broken, time.perf_counter() - begun)
    return min(len(broken), 100)


def _sum_up(reports: Sequence[Report], broken: Sequence[int], wall_s: float) -> None:
    statuses = Counter(status for report in reports for status in report.statuses)
    print(
        f"{len(reports)} seeds held, {len(broken)} broke {list(broken)}: "
        f"{sum(statuses.values())} trees {dict(statuses)}, "
        f"{sum(r.nodes for r in reports)} nodes, {sum(r.events for r in reports)} events, "
        f"{sum(r.virtual_s for r in reports):.0f} virtual seconds in {wall_s:.1f} s"
    )


if __name__ == "__main__":
    raise SystemExit(main())
