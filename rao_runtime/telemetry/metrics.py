"""All metrics of a process: what trees do, how the process is, what is asked over HTTP. docs/metrics.md lists them."""

from collections.abc import Callable, Sequence

from rao_runtime.ports import Clock
from rao_runtime.telemetry.instruments import Instrument, Instruments
from rao_runtime.telemetry.metrics_page import page
from rao_runtime.telemetry.names import Metric
from rao_runtime.telemetry.process_metrics import Look, ProcessMetrics
from rao_runtime.telemetry.tree_instruments import MOMENTS_S
from rao_runtime.telemetry.tree_metrics import TreeMetrics


def no_spans() -> tuple[int, int]:
    """Of a process that exports none."""
    return 0, 0


class Metrics:
    """`trees` is to observe the engine's trees. `spans` tells how many were exported and how many dropped so far."""

    def __init__(self, clock: Clock, *, spans: Callable[[], tuple[int, int]] = no_spans) -> None:
        book = Instruments()
        self.trees = TreeMetrics(book, clock)
        self._process = ProcessMetrics(book, spans=spans)
        self._sandbox_wait = book.histogram(
            Metric.SANDBOX_WAIT, "s", "How long a cell waited for a sandbox worker", bounds=MOMENTS_S
        )
        self._requests = book.counter(
            Metric.HTTP_REQUESTS, "{request}", "HTTP requests answered", ("method", "route", "status")
        )
        self._book = book

    @property
    def instruments(self) -> Sequence[Instrument]:
        """Every one, to be read at any time, on any thread."""
        return self._book.all()

    def look_with(self, look: Callable[[], Look]) -> None:
        """Ask this how the process is, whenever somebody wants to know."""
        self._process.look = look

    def sandbox_waited(self, seconds: float) -> None:
        """A cell got a sandbox worker after so long."""
        self._sandbox_wait.record(seconds)

    def answered(self, method: str, route: str, status: int) -> None:
        """A request was answered. `route` is the path's pattern, never the path: that names trees."""
        self._requests.add(1, (method, route, str(status)))

    def text(self) -> str:
        """Prometheus' text format."""
        return page(self.instruments)
