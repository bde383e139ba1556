"""What the rest of the process sees of tracing: whether a tree is traced, and where its spans go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rao_runtime.telemetry.span import Span


def _none(trace_id: str, traceparent: str | None) -> bool:  # noqa: ARG001 - whatever they are
    return False


def _nobody(spans: Sequence[Span]) -> None:
    """Spans of a process that does not trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracing:
    """`sampled` says of a trace id and the caller's `traceparent` whether it is traced. `give` takes spans that have
    ended, at once and from any thread; `exported` and `dropped` count what became of them since the start.

    `content`: whether spans may hold texts. Off, nothing is traced.
    """

    on: bool = False
    sampled: Callable[[str, str | None], bool] = _none
    give: Callable[[Sequence[Span]], None] = _nobody
    content: bool = False
    exported: Callable[[], int] = int
    dropped: Callable[[], int] = int


NOT_TRACED = Tracing()
