"""What came of a run, in numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, median
from typing import Self

import orjson

from tests.chaos.journal_rules import Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run. `recoveries_s`: for each restart, until the last tree that it took up was resumed."""

    seed: int
    blows: Mapping[str, int]
    kills: int
    trees_hit: Sequence[int]
    trees: int
    poor: int
    failed: int
    events: int
    calls: int
    cut_off: int
    repeated: int
    recoveries_s: Sequence[float]
    wall_s: float

    @classmethod
    def read(cls, text: str) -> Self:
        """From what `str` gave, perhaps in another process."""
        return cls(**orjson.loads(text))

    def __str__(self) -> str:
        return orjson.dumps(self).decode()


def summary(reports: Sequence[Report]) -> str:
    """All runs in a few lines."""
    blows = sum((Counter(report.blows) for report in reports), Counter[str]())
    hit = [trees for report in reports for trees in report.trees_hit]
    recoveries = [each for report in reports for each in report.recoveries_s] or [0.0]
    return (
        f"{len(reports)} seeds, {sum(r.kills for r in reports)} kills ({_counts(blows)}), "
        f"{fmean(hit or [0]):.1f} trees in flight at each; "
        f"{sum(r.trees for r in reports)} trees ({sum(r.poor for r in reports)} poor, "
        f"{sum(r.failed for r in reports)} of them ran out), {sum(r.events for r in reports)} events, "
        f"{sum(r.calls for r in reports)} calls sent ({sum(r.cut_off for r in reports)} cut off); "
        f"finished calls repeated: {sum(r.repeated for r in reports)}; "
        f"from restart to the last tree resumed: p50 {median(recoveries):.2f} s, max {max(recoveries):.2f} s; "
        f"{sum(r.wall_s for r in reports):.0f} s"
    )


def recoveries(starts: Sequence[float], journals: Sequence[Sequence[Told]]) -> list[float]:
    """For each start, in epoch seconds: how long until the last tree that was taken up before the next one."""
    resumed = sorted(
        datetime.fromisoformat(event["ts"]).timestamp()
        for journal in journals
        for event in journal
        if event["type"] == "tree.resumed"
    )
    ends = [*starts[1:], float("inf")]
    windows = [[at for at in resumed if start <= at < end] for start, end in zip(starts, ends, strict=True)]
    return [window[-1] - start for start, window in zip(starts, windows, strict=True) if window]


def _counts(blows: Counter[str]) -> str:
    return ", ".join(f"{count} {blow}" for blow, count in sorted(blows.items()))
