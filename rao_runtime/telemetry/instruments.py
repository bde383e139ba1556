"""What is counted: plain numbers by labels, cheap to add to, read when somebody looks.

OpenTelemetry's own counters and histograms cost 5 to 7 µs a figure and reader, some 150 µs a node; a figure here costs
0.2 µs. So these hold the numbers, and `metrics_page` and `otlp_metrics` read them.

Labels are values in the order of an instrument's label names. Reading copies, so that another thread may do it.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from rao_runtime.telemetry.names import Metric

Labels: TypeAlias = tuple[str, ...]
Values: TypeAlias = Sequence[tuple[Labels, float]]


class Kind(StrEnum):
    """Prometheus' types, as far as we have them."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What an instrument is. `unit` is OpenTelemetry's: `s`, `1` for a share, else what is counted, in braces."""

    name: Metric
    kind: Kind
    unit: str
    text: str
    labels: tuple[str, ...] = ()


class Counter:
    """Sums by labels, which only grow. Those of `known` are there from the start, as 0."""

    def __init__(self, about: About, known: Iterable[Labels]) -> None:
        self.about = about
        self._sums: dict[Labels, float] = dict.fromkeys(known, 0)

    def add(self, amount: float = 1, labels: Labels = ()) -> None:
        """Add to one sum."""
        self._sums[labels] = self._sums.get(labels, 0) + amount

    def read(self) -> Values:
        """The sums now."""
        return list(self._sums.items())


class Observed:
    """A counter or gauge whose values are asked for when it is read."""

    def __init__(self, about: About, values: Callable[[], Values]) -> None:
        self.about = about
        self.read = values


@dataclass(frozen=True, slots=True)
class Distribution:
    """`counts` of figures up to each bound, the last one of those above all; `total` is their sum."""

    counts: Sequence[int]
    total: float


class Histogram:
    """Distributions by labels, over the same `bounds`, ascending: a figure belongs to the first not below it."""

    def __init__(self, about: About, bounds: Sequence[float], known: Iterable[Labels]) -> None:
        self.about = about
        self.bounds = tuple(bounds)
        self._counts = {labels: self._none() for labels in known}
        self._totals: dict[Labels, float] = dict.fromkeys(self._counts, 0.0)

    def record(self, figure: float, labels: Labels = ()) -> None:
        """Take one figure in."""
        counts = self._counts.get(labels)
        if counts is None:
            self._totals[labels] = 0.0
            counts = self._counts[labels] = self._none()
        counts[bisect_left(self.bounds, figure)] += 1
        self._totals[labels] += figure

    def read(self) -> Sequence[tuple[Labels, Distribution]]:
        """The distributions now."""
        return [(labels, Distribution(tuple(n), self._totals[labels])) for labels, n in list(self._counts.items())]

    def _none(self) -> list[int]:
        return [0] * (len(self.bounds) + 1)


Instrument: TypeAlias = Counter | Observed | Histogram


class Instruments:
    """All instruments of a process, in the order they are made."""

    def __init__(self) -> None:
        self._all = list[Instrument]()

    def all(self) -> Sequence[Instrument]:
        """Every one so far."""
        return tuple(self._all)

    def counter(
        self, name: Metric, unit: str, text: str, labels: tuple[str, ...] = (), *, known: Iterable[Labels] = ()
    ) -> Counter:
        """A new counter, those of `known` at 0; one without labels begins at 0."""
        about = About(name=name, kind=Kind.COUNTER, unit=unit, text=text, labels=labels)
        counter = Counter(about, known if labels else ((),))
        self._all.append(counter)
        return counter

    def histogram(
        self, name: Metric, unit: str, text: str, labels: tuple[str, ...] = (), *, bounds: Sequence[float]
    ) -> Histogram:
        """A new histogram; one without labels begins with nothing in it."""
        about = About(name=name, kind=Kind.HISTOGRAM, unit=unit, text=text, labels=labels)
        histogram = Histogram(about, bounds, () if labels else ((),))
        self._all.append(histogram)
        return histogram

    def observed(
        self, kind: Kind, name: Metric, unit: str, text: str, labels: tuple[str, ...], values: Callable[[], Values]
    ) -> None:
        """A new counter or gauge that is asked for its values whenever it is read, on any thread."""
        self._all.append(Observed(About(name=name, kind=kind, unit=unit, text=text, labels=labels), values))
