"""Wall time of a tree of 1,111 nodes with calls of one second, against the least time it can take."""

import sys

from benchmarks import command
from benchmarks.figures import Figure, Report
from benchmarks.shape import LARGE
from benchmarks.worlds import world

LATENCY_S = 1.0
SLOTS = 256
ENOUGH_SLOTS = 1024


async def run() -> Report:
    """With 256 slots, and with a slot for each node."""
    wall_s = await _wall_s(SLOTS)
    free_s = await _wall_s(ENOUGH_SLOTS)
    bound_s, plain_s = LARGE.bound_s(LATENCY_S, SLOTS), LARGE.plain_bound_s(LATENCY_S, SLOTS)
    return Report(
        figures=(
            Figure(
                name="wall ÷ bound, level by level",
                value=wall_s / bound_s,
                bar=1.08,
                note=f"{wall_s:.2f} s; no schedule takes less than {bound_s:.2f} s on {SLOTS} slots",
            ),
            Figure(
                name="wall ÷ max(critical path, calls * latency ÷ slots)",
                value=wall_s / plain_s,
                bar=1.15,
                note=f"bound {plain_s:.2f} s; no schedule of this tree gets under {bound_s / plain_s:.2f}",
            ),
            Figure(
                name=f"the same on {ENOUGH_SLOTS:,} slots",
                value=free_s / LARGE.plain_bound_s(LATENCY_S, ENOUGH_SLOTS),
                note=f"{free_s:.2f} s; bursts of a thousand calls at once",
            ),
        ),
        raw={"wall_s": {SLOTS: wall_s, ENOUGH_SLOTS: free_s}, "bound_s": bound_s, "plain_bound_s": plain_s},
    )


async def _wall_s(slots: int) -> float:
    async with world(slots=slots) as here:
        await here.gateway.solve(LARGE.goal)
        await here.ledger.reset()
        await here.ledger.set(first_token_s=LATENCY_S)
        wall_s, _ = await here.gateway.solve(LARGE.goal)
        calls = (await here.ledger.summary())["totals"]["requests"]
    if calls != LARGE.calls:
        raise RuntimeError(f"{calls} calls instead of {LARGE.calls}")
    return wall_s


if __name__ == "__main__":
    sys.exit(command.main({"tree_latency": run}))
