"""Mean tree time of forests on four replicas with KV caches, by placement and order; both are switched off in turn.

`python -m benchmarks.pool_policies --quick` takes one seed and few trees; `--help` tells what else can be set.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from benchmarks import command
from benchmarks.figures import Benchmark, Figure, Report
from benchmarks.forest_floor import Engines, floor
from benchmarks.forest_world import RUN_S, Plan, Policy, Run, run_forest
from benchmarks.forests import SCENARIOS, Scenario, roots

ROUND_ROBIN = Policy(placement="round_robin", order="arrival")
LEAST = Policy(placement="least", order="arrival")
OURS = Policy(placement="affinity", order="tree")
POLICIES = (
    ROUND_ROBIN,
    LEAST,
    Policy(placement="least", order="tree"),
    Policy(placement="affinity", order="arrival"),
    OURS,
)
# Mean tree time of ours over that of round robin, and of least-request, both in order of arrival.
BARS: Mapping[str, tuple[float, float]] = {"ample": (0.75, 0.78), "scarce": (0.50, 0.55)}
MAKESPAN_BAR = 1
PROMPT = "1"
QUICK_TREES = 10
# Slower, and a forest takes longer than its client waits.
SLOWEST = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What to run. `trees` None: as many as the scenario says."""

    scenarios: Sequence[Scenario] = tuple(SCENARIOS.values())
    seeds: Sequence[int] = (1, 2)
    trees: int | None = None
    time_scale: float = 0.15
    prompt: str = PROMPT

    @property
    def full_size(self) -> bool:
        """Whether its forests are those that the bars are for."""
        return self.trees is None and self.prompt == PROMPT

    @property
    def longest_s(self) -> float:
        """Seconds after which all of its runs have ended: each has a limit of its own."""
        return len(self.scenarios) * len(self.seeds) * len(POLICIES) * RUN_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All runs of one scenario: per policy one for each seed. The floor is the mean over the seeds."""

    scenario: Scenario
    runs: Mapping[Policy, Sequence[Run]]
    floor_mean_s: float
    floor_makespan_s: float

    def mean_s(self, policy: Policy) -> float:
        """Mean time of a tree, over all seeds."""
        return fmean(run.mean_s for run in self.runs[policy])

    def makespan_s(self, policy: Policy) -> float:
        """Mean over the seeds."""
        return fmean(run.makespan_s for run in self.runs[policy])


async def run() -> Report:
    """Both scenarios in full."""
    return await compare(Extent())


async def compare(extent: Extent) -> Report:
    """Every policy on the same forests. Policies take turns within a seed, so that a slow hour hits all of them."""
    comparisons = [await _compare(scenario, extent) for scenario in extent.scenarios]
    runs = [run for found in comparisons for runs in found.runs.values() for run in runs]
    return Report(
        figures=[*(row for found in comparisons for row in rows(found, extent)), *_health(runs)],
        raw={
            "extent": {**asdict(extent), "engines": asdict(Engines())},
            "runs": {
                found.scenario.name: {policy.name: [asdict(run) for run in runs] for policy, runs in found.runs.items()}
                for found in comparisons
            },
        },
    )


async def _compare(scenario: Scenario, extent: Extent) -> Comparison:
    plan = Plan(engines=Engines(), time_scale=extent.time_scale, prompt=extent.prompt)
    runs: dict[Policy, list[Run]] = {policy: [] for policy in POLICIES}
    forests = [roots(scenario, seed, extent.trees) for seed in extent.seeds]
    for forest in forests:
        for policy in POLICIES:
            runs[policy].append(await run_forest(forest, policy, plan))
    floors = [floor(forest, plan.engines) for forest in forests]
    return Comparison(
        scenario=scenario,
        runs=runs,
        floor_mean_s=fmean(bound.mean_s for bound in floors),
        floor_makespan_s=fmean(bound.makespan_s for bound in floors),
    )


def rows(found: Comparison, extent: Extent) -> list[Figure]:
    """What is told of a scenario; held against bars at full size only."""
    name, ours_s = found.scenario.name, found.mean_s(OURS)
    *bars, makespan_bar = (*BARS[name], MAKESPAN_BAR) if extent.full_size else (None, None, None)
    ratios = [
        Figure(name=f"{name}: ours ÷ {policy.name}, mean tree time", value=ours_s / found.mean_s(policy), bar=bar)
        for policy, bar in zip((ROUND_ROBIN, LEAST), bars, strict=True)
    ]
    makespan = Figure(
        name=f"{name}: ours ÷ {ROUND_ROBIN.name}, makespan",
        value=found.makespan_s(OURS) / found.makespan_s(ROUND_ROBIN),
        bar=makespan_bar,
    )
    least = Figure(
        name=f"{name}: floor of mean tree time",
        value=found.floor_mean_s,
        unit="s",
        note=f"of the makespan {found.floor_makespan_s:.1f} s; no placement and no order gets under them",
    )
    return [*ratios, makespan, *(_row(found, policy) for policy in found.runs), least]


def _row(found: Comparison, policy: Policy) -> Figure:
    runs = found.runs[policy]
    mean_s = found.mean_s(policy)
    hits = sum(run.cached_tokens for run in runs) / sum(run.prompt_tokens for run in runs)
    preemptions, waited_s = sum(run.preemptions for run in runs), max(run.waited_s for run in runs)
    return Figure(
        name=f"{found.scenario.name}: {policy.name}, mean tree time",
        value=mean_s,
        unit="s",
        note=(
            f"{mean_s / found.mean_s(ROUND_ROBIN):.2f} of the first, {mean_s / found.mean_s(LEAST):.2f} of the second; "
            f"p95 {fmean(run.p95_s for run in runs):.1f} s, makespan {found.makespan_s(policy):.1f} s, "
            f"hits {hits:.0%}, {preemptions} preemptions, {waited_s:.1f} s at most until a replica let a call in"
        ),
    )


def _health(runs: Sequence[Run]) -> list[Figure]:
    """Whether the replicas' times were what made trees slow, and whether both sides counted alike."""
    wasted = sum(run.told["wasted_tokens"] for run in runs)
    told = sum(run.told["input_tokens"] + run.told["output_tokens"] for run in runs)
    counted = sum(run.prompt_tokens + run.completion_tokens for run in runs)
    return [
        Figure(
            name="CPU of the server itself, of one core",
            value=fmean(run.server_busy for run in runs),
            note=(
                f"busiest run {max(run.server_busy for run in runs):.2f}; its sandbox and store "
                f"{fmean(run.children_busy for run in runs):.2f}; the busiest stand-in "
                f"{max(run.stand_in_busy for run in runs):.2f}"
            ),
        ),
        Figure(
            name="tokens the trees tell ÷ tokens the replicas count",
            value=told / counted,
            note=f"{sum(run.calls for run in runs):,} calls, {wasted:,} tokens wasted",
        ),
    ]


def main() -> int:
    """Run from the command line. Returns 1 where it could not be run at all."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pool_policies", description=__doc__, epilog="And --json FILE, as all benchmarks."
    )
    full = Extent()
    parser.add_argument("--quick", action="store_true", help=f"one seed, {QUICK_TREES} trees")
    parser.add_argument("--scenario", choices=tuple(SCENARIOS), action="append", help="one of them; may be repeated")
    parser.add_argument("--seeds", type=int, metavar="N", help=f"so many forests of each scenario; {len(full.seeds)}")
    parser.add_argument("--trees", type=int, metavar="N", help="trees of a forest; by default as the scenario says")
    parser.add_argument(
        "--time-scale", type=float, default=full.time_scale, help=f"0.1: ten times faster; up to {SLOWEST}"
    )
    parser.add_argument("--prompt", choices=("1", "nano"), default=PROMPT, help="which prompt models are sent")
    options, others = parser.parse_known_args()
    if not 0 < options.time_scale <= SLOWEST:
        parser.error(f"--time-scale must be more than 0 and at most {SLOWEST}")
    extent = Extent(
        scenarios=[SCENARIOS[name] for name in options.scenario or SCENARIOS],
        seeds=tuple(range(1, 1 + (options.seeds or (1 if options.quick else len(full.seeds))))),
        trees=options.trees or (QUICK_TREES if options.quick else None),
        time_scale=options.time_scale,
        prompt=options.prompt,
    )
    return command.main({"pool_policies": _of(extent)}, others, longest_s=extent.longest_s)


def _of(extent: Extent) -> Benchmark:
    async def compared() -> Report:
        return await compare(extent)

    return compared


if __name__ == "__main__":
    sys.exit(main())
