"""What a benchmark hands over: figures, the bars they are held against, and the raw numbers behind them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import quantiles
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number. `bar` is the most it may be, or the least where `at_least` says so; None: it is only told."""

    name: str
    value: float
    unit: str = ""
    bar: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether it reaches its bar; None where there is none."""
        if self.bar is None:
            return None
        return self.value >= self.bar if self.at_least else self.value <= self.bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one benchmark found. `raw` is JSON-able."""

    figures: Sequence[Figure]
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        figures = [{**asdict(figure), "met": figure.met} for figure in self.figures]
        return {"figures": figures, "raw": dict(self.raw)}


Benchmark = Callable[[], Awaitable[Report]]


def percentile(values: Sequence[float], percent: int) -> float:
    """The value under which so many percent of the others lie. Raises StatisticsError for fewer than two values."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]
