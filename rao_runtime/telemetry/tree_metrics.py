"""Counts what happens in trees, event by event, as the journal gets them.

What a journal held before this process owned the tree is not counted here: whoever wrote it has counted it.
"""

from collections.abc import Callable, Mapping, Sequence

from rao_runtime.core.events import Event, EventType
from rao_runtime.core.ledger import CallOutcome
from rao_runtime.ports import Clock, TreeWatch
from rao_runtime.telemetry.instruments import Instruments
from rao_runtime.telemetry.tree_instruments import KILLED, NOT_RUN, PASSED, RAISED, RAN, REFUTED, TreeInstruments

# Depths from here on share one label.
DEEP = 9
DEPTHS = (*map(str, range(DEEP)), f"{DEEP}+")

# Only models that a replica served get here; a replica may serve any number of adapters.
MAX_MODELS = 100
OTHER = "other"

COMPLETED, FAILED = CallOutcome.COMPLETED.value, CallOutcome.FAILED.value


class Models:
    """Names of models as labels: the first hundred have their own."""

    def __init__(self) -> None:
        self._named = set[str]()

    def label(self, name: str) -> str:
        """The name, or `other`."""
        if name not in self._named:
            if len(self._named) >= MAX_MODELS:
                return OTHER
            self._named.add(name)
        return name


class TreeMetrics:
    """`ports.Observer` of all trees of a process. `clock` is the one that events are stamped with."""

    def __init__(self, book: Instruments, clock: Clock) -> None:
        self._figures = TreeInstruments(book)
        self._models = Models()
        self._clock = clock

    def watch(self, past: Sequence[Event]) -> TreeWatch:
        """See Observer. A tree with a past was taken over, and counts as that."""
        if len(past) > 1:
            self._figures.takeovers.add()
        started = (event.data["model"] for event in past if event.type is EventType.TREE_STARTED)
        return _Count(self._figures, self._models, self._clock, next(started, OTHER))


class _Count:
    """Counts one tree. All calls of a tree go to the model that it was started with."""

    def __init__(self, figures: TreeInstruments, models: Models, clock: Clock, model: str) -> None:
        self._figures = figures
        self._models = models
        self._clock = clock
        self._model = model

    def saw(self, events: Sequence[Event]) -> None:
        """See TreeWatch."""
        figures = self._figures
        figures.append.record(max(0.0, self._clock.now() - events[0].ts))
        figures.events.add(len(events))
        for event in events:
            if event.type is EventType.TREE_STARTED:
                self._model = event.data["model"]
            elif event.type in _SETTLED:
                _settled(figures, self._models.label(self._model), event)
            elif (count := _COUNTS.get(event.type)) is not None:
                count(figures, event)


# --- one function an event type ---------------------------------------------------------------------------------------


def _settled(figures: TreeInstruments, model: str, event: Event) -> None:
    data = event.data
    usage, times = data["usage"], data["times"]
    kind = "" if event.type is EventType.CALL_COMPLETED else data["error"]["kind"]
    outcome = _OUTCOMES.get(kind, FAILED)
    figures.calls.add(usage["calls"])
    figures.attempts.add(1, (model, outcome, kind))
    for tokens, key in _TOKENS:
        figures.tokens.add(usage[key], (model, tokens))
    if data["cost"] is not None:
        figures.cost.add(float(data["cost"]), (model, outcome))
    # A call whose owner died was settled by the next one, which knows no times.
    if times["run_s"] > 0:
        figures.queue_wait.record(times["queued_s"], (model,))
    if not kind:
        _timed(figures, model, event)
    elif data["retry"] is not None:
        figures.retries.add(1, (kind,))


def _timed(figures: TreeInstruments, model: str, completed: Event) -> None:
    usage, times = completed.data["usage"], completed.data["times"]
    figures.call_s.record(times["run_s"], (model,))
    if times["first_token_s"] is not None:
        figures.first_token.record(times["first_token_s"], (model,))
    if usage["input_tokens"] and not usage["estimated"]:
        figures.cached.record(usage["cached_tokens"] / usage["input_tokens"], (model,))


def _turned(figures: TreeInstruments, _: Event) -> None:
    figures.turns.add()


def _printed(figures: TreeInstruments, event: Event) -> None:
    data = event.data
    if data["error"] is not None and data["cell_s"] == 0.0:
        figures.cells.add(1, (NOT_RUN,))
        return
    ran = RAN if data["error"] is None else RAISED
    figures.cells.add(1, (KILLED if data["killed"] else ran,))
    figures.cell_s.record(data["cell_s"])


def _refused(figures: TreeInstruments, event: Event) -> None:
    figures.refusals.add(1, (event.data["reason"],))


def _checked(figures: TreeInstruments, event: Event) -> None:
    figures.checks.add(1, (PASSED if event.data["passed"] else REFUTED,))


def _tool_ended(figures: TreeInstruments, event: Event) -> None:
    outcome = FAILED if event.data.get("error") is not None else COMPLETED
    figures.tools.add(1, (event.data["name"], outcome))


def _node_ended(figures: TreeInstruments, event: Event) -> None:
    error = event.data.get("error")
    depth = DEPTHS[min(event.depth or 0, DEEP)]
    figures.nodes.add(1, (depth, _status(event), "" if error is None else error["reason"]))


def _tree_ended(figures: TreeInstruments, event: Event) -> None:
    status, timing = _status(event), event.data["timing"]
    figures.trees.add(1, (status,))
    figures.duration.record(timing["wall_s"], (status,))
    figures.tree_nodes.record(event.data["nodes"]["total"])
    if timing["wall_s"] > 0:
        figures.critical_path.record(timing["critical_path_s"] / timing["wall_s"])


def _status(event: Event) -> str:
    """The status that an end leads to: the second part of its type."""
    return event.type.value.partition(".")[2]


_SETTLED = frozenset({EventType.CALL_COMPLETED, EventType.CALL_FAILED})

# The ledger's words; what is not here has failed.
_OUTCOMES = {"": COMPLETED, "canceled": CallOutcome.CANCELED.value, "interrupted": CallOutcome.INTERRUPTED.value}

_TOKENS = tuple((kind, f"{kind}_tokens") for kind in ("input", "cached", "output", "wasted"))

_COUNTS: Mapping[EventType, Callable[[TreeInstruments, Event], None]] = {
    EventType.NODE_TURN: _turned,
    EventType.NODE_OUTPUT: _printed,
    EventType.NODE_REFUSED: _refused,
    EventType.NODE_CHECK: _checked,
    EventType.TOOL_COMPLETED: _tool_ended,
    EventType.NODE_COMPLETED: _node_ended,
    EventType.NODE_FAILED: _node_ended,
    EventType.NODE_CANCELED: _node_ended,
    EventType.TREE_COMPLETED: _tree_ended,
    EventType.TREE_FAILED: _tree_ended,
    EventType.TREE_CANCELED: _tree_ended,
}
