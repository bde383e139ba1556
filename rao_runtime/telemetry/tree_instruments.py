"""The figures that trees give, each with what it says and over which bounds it is spread."""

from rao_runtime.core.limits import Reason
from rao_runtime.core.transitions import Status
from rao_runtime.telemetry.instruments import Instruments
from rao_runtime.telemetry.names import Metric

# Bounds in seconds: of what takes a moment, of model calls and the wait for them, and of whole trees.
MOMENTS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
CALLS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
TREES_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0)
NODES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)

ENDS = (Status.COMPLETED, Status.FAILED, Status.CANCELED)
REFUSED_FOR = (Reason.DEPTH, Reason.NODES, Reason.TOKENS, Reason.COST, Reason.OVERLOADED)

PASSED, REFUTED = "passed", "failed"
RAN, RAISED, KILLED, NOT_RUN = "completed", "error", "killed", "not_run"


class TreeInstruments:
    """One attribute a figure. Labels never name a tree, node or tenant."""

    def __init__(self, book: Instruments) -> None:
        self._make_trees(book)
        self._make_nodes(book)
        self._make_calls(book)
        self.append = book.histogram(
            Metric.JOURNAL_APPEND,
            "s",
            "From recording an event to having it in the journal, the oldest of each append",
            bounds=MOMENTS_S,
        )
        self.events = book.counter(Metric.JOURNAL_EVENTS, "{event}", "Events in the journal")

    def _make_trees(self, book: Instruments) -> None:
        ends = [(end.value,) for end in ENDS]
        self.trees = book.counter(Metric.TREES, "{tree}", "Trees that ended, by status", ("status",), known=ends)
        self.takeovers = book.counter(Metric.TAKEOVERS, "{tree}", "Trees taken over from an earlier owner")
        self.duration = book.histogram(
            Metric.TREE_DURATION, "s", "From a tree's acceptance to its end", ("status",), bounds=TREES_S
        )
        self.tree_nodes = book.histogram(Metric.TREE_NODES, "{node}", "Nodes of a tree that ended", bounds=NODES)
        self.critical_path = book.histogram(
            Metric.TREE_CRITICAL_PATH,
            "1",
            "Critical path of a tree that ended, as a share of its duration",
            bounds=SHARES,
        )

    def _make_nodes(self, book: Instruments) -> None:
        self.nodes = book.counter(
            Metric.NODES, "{node}", "Nodes that ended, by depth, status and reason", ("depth", "status", "reason")
        )
        self.refusals = book.counter(
            Metric.REFUSALS,
            "{launch}",
            "Launches refused, by the limit in the way",
            ("limit",),
            known=[(reason.value,) for reason in REFUSED_FOR],
        )
        self.turns = book.counter(Metric.TURNS, "{turn}", "Turns whose action was read")
        self.cells = book.counter(
            Metric.CELLS,
            "{cell}",
            "Cells that ended, and turns whose text was no cell that could run",
            ("outcome",),
            known=[(RAN,), (RAISED,), (KILLED,), (NOT_RUN,)],
        )
        self.cell_s = book.histogram(
            Metric.CELL_DURATION, "s", "What a cell itself computed, waiting aside", bounds=MOMENTS_S
        )
        self.checks = book.counter(
            Metric.CHECKS, "{check}", "Checks of answers", ("verdict",), known=[(PASSED,), (REFUTED,)]
        )
        self.tools = book.counter(Metric.TOOL_CALLS, "{call}", "Tool calls that ended", ("tool", "outcome"))

    def _make_calls(self, book: Instruments) -> None:
        self.calls = book.counter(Metric.CALLS, "{call}", "Attempts at model calls that reached a replica")
        self.attempts = book.counter(
            Metric.ATTEMPTS,
            "{attempt}",
            "Attempts at model calls, by what became of them and what went wrong",
            ("model", "outcome", "kind"),
        )
        self.retries = book.counter(
            Metric.RETRIES, "{attempt}", "Attempts that are made again, by what went wrong", ("kind",)
        )
        self.tokens = book.counter(
            Metric.TOKENS,
            "{token}",
            "Tokens; input includes cached, wasted are of both",
            ("model", "kind"),
        )
        self.cost = book.counter(
            Metric.COST, "{USD}", "US dollars by the price sheet, also of attempts that failed", ("model", "outcome")
        )
        self.queue_wait = book.histogram(
            Metric.QUEUE_WAIT,
            "s",
            "How long an attempt waited for a slot at a replica",
            ("model",),
            bounds=CALLS_S,
        )
        self.first_token = book.histogram(
            Metric.FIRST_TEXT,
            "s",
            "From the slot to the first text, of calls completed",
            ("model",),
            bounds=CALLS_S,
        )
        self.call_s = book.histogram(
            Metric.CALL_DURATION,
            "s",
            "From the slot to the last token, of calls completed",
            ("model",),
            bounds=CALLS_S,
        )
        self.cached = book.histogram(
            Metric.CALL_CACHED,
            "1",
            "Share of a call's prompt that the replica had cached",
            ("model",),
            bounds=SHARES,
        )
