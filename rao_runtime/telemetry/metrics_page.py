"""Instruments as Prometheus' text format, 0.0.4."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from rao_runtime.telemetry.instruments import Histogram, Instrument, Kind

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class _Page(Collector):
    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._instruments = instruments

    def collect(self) -> Iterable[Family]:
        """See Collector."""
        return map(_family, self._instruments)


def page(instruments: Sequence[Instrument]) -> str:
    """What they say now, each with its type and meaning, also where it has no value yet."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Page(instruments))
    return generate_latest(registry).decode()


def _family(instrument: Instrument) -> Family:
    about = instrument.about
    if isinstance(instrument, Histogram):
        histogram = HistogramMetricFamily(about.name.value, about.text, labels=about.labels)
        bounds = [*(str(float(bound)) for bound in instrument.bounds), "+Inf"]
        for labels, found in instrument.read():
            histogram.add_metric(labels, list(zip(bounds, accumulate(found.counts), strict=True)), found.total)
        return histogram
    made = CounterMetricFamily if about.kind is Kind.COUNTER else GaugeMetricFamily
    family = made(about.name.value, about.text, labels=about.labels)
    for labels, value in instrument.read():
        family.add_metric(labels, value)
    return family
