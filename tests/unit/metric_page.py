"""Reads the page of metrics as Prometheus does, and stops the clock that it is made by."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of the page."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class MetricPage:
    """All lines of a page; `types` has every metric on it, also one without a line, by its full name."""

    samples: tuple[Sample, ...]
    types: Mapping[str, str]

    @classmethod
    def read(cls, text: str) -> Self:
        """Of the text format. Raises ValueError where it is none."""
        families = list(text_string_to_metric_families(text))
        samples = [Sample(s.name, s.labels, s.value) for family in families for s in family.samples]
        names = {family.name: family.name + ("_total" if family.type == "counter" else "") for family in families}
        return cls(tuple(samples), {names[family.name]: family.type for family in families})

    def of(self, name: str, **labels: str) -> Iterator[Sample]:
        """Its lines that have these labels, and maybe others."""
        return (s for s in self.samples if s.name == name and labels.items() <= s.labels.items())

    def total(self, name: str, **labels: str) -> float:
        """What they sum to; 0 where there is none."""
        return sum(sample.value for sample in self.of(name, **labels))


class StillClock:
    """Stands at one time."""

    def __init__(self, at: float = 1_000.0) -> None:
        self._at = at

    def now(self) -> float:
        """See Clock."""
        return self._at

    async def sleep(self, seconds: float) -> None:
        """See Clock."""
        raise AssertionError(f"nobody waits here, and not {seconds} s")
