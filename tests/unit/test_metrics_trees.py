"""What one tree adds to the metrics, event by event."""

from typing import Any

from rao_runtime.core.events import EventType
from rao_runtime.core.usage import Tokens, Usage
from rao_runtime.telemetry.metrics import Metrics
from rao_runtime.telemetry.tree_metrics import MAX_MODELS
from tests.unit.core.tree_builder import CREATED, STARTED, TreeBuilder
from tests.unit.metric_page import MetricPage, StillClock

USED = Tokens(input=100, cached=40, output=10)


def read(metrics: Metrics) -> MetricPage:
    return MetricPage.read(metrics.text())


def settled(usage: Usage, *, cost: str | None = "0.5", attempt: int = 1, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """The end of an attempt."""
    times = {"queued_s": 0.3, "first_token_s": 0.02, "run_s": 1.5}
    head = {"call_id": "r-t0", "attempt": attempt, "turn": 0, "usage": usage.as_dict(), "cost": cost, "times": times}
    return head | more


def failed(kind: str, *, again: bool = False) -> dict[str, Any]:
    """What a failure adds to it."""
    retry = {"after_s": 1.0, "counts": True} if again else None
    return {"error": {"kind": kind, "message": "", "status": None}, "retry": retry}


def seen(builder: TreeBuilder, *, past: int = 1) -> MetricPage:
    """The page of a process that owns the tree from so many events on."""
    metrics = Metrics(StillClock())
    metrics.trees.watch(builder.events[:past]).saw(builder.events[past:])
    return read(metrics)


def test_a_long_tree_counts_while_it_runs() -> None:
    metrics, tree = Metrics(StillClock()), TreeBuilder().born("r")
    watch = metrics.trees.watch(tree.events[:1])
    watch.saw(tree.events[1:])
    tree.node("r", EventType.CALL_COMPLETED, 0, **settled(Usage.of(USED)))
    watch.saw(tree.events[-1:])
    found = read(metrics)
    assert found.total("rao_tokens_total", model="m", kind="input") == 100
    assert found.total("rao_tokens_total", model="m", kind="cached") == 40
    assert found.total("rao_cost_usd_total", model="m", outcome="completed") == 0.5
    assert found.total("rao_trees_total") == 0


def test_what_a_call_took_is_spread_over_its_model() -> None:
    tree = TreeBuilder().born("r").node("r", EventType.CALL_COMPLETED, 0, **settled(Usage.of(USED)))
    found = seen(tree)
    assert found.total("rao_queue_wait_seconds_sum", model="m") == 0.3
    assert found.total("rao_first_token_seconds_sum", model="m") == 0.02
    assert found.total("rao_call_seconds_sum", model="m") == 1.5
    assert found.total("rao_call_cached_ratio_sum", model="m") == 0.4


def test_a_failed_attempt_is_waste_and_its_retry_is_counted_by_what_went_wrong() -> None:
    wasted = Usage.of(USED, wasted=True, estimated=True)
    tree = TreeBuilder().born("r")
    tree.node("r", EventType.CALL_FAILED, 0, **settled(wasted, **failed("timeout", again=True)))
    tree.node("r", EventType.CALL_FAILED, 0, **settled(Usage(), cost="0", attempt=2, **failed("busy")))
    found = seen(tree)
    assert found.total("rao_attempts_total", outcome="failed") == 2
    assert found.total("rao_attempts_total", outcome="failed", kind="timeout") == 1
    assert found.total("rao_calls_total") == 1
    assert found.total("rao_tokens_total", kind="wasted") == 110
    assert found.total("rao_cost_usd_total", outcome="failed") == 0.5
    assert [(s.labels, s.value) for s in found.of("rao_retries_total")] == [({"kind": "timeout"}, 1)]
    assert found.total("rao_queue_wait_seconds_count") == 2
    assert found.total("rao_call_seconds_count") == 0


def test_a_call_that_was_open_when_its_owner_died_has_a_cost_and_no_times() -> None:
    cut = settled(Usage.of(USED, wasted=True, estimated=True), **failed("interrupted"))
    cut["times"] = {"queued_s": 0.0, "first_token_s": None, "run_s": 0.0}
    found = seen(TreeBuilder().born("r").node("r", EventType.CALL_FAILED, 0, **cut))
    assert found.total("rao_cost_usd_total", outcome="interrupted") == 0.5
    assert found.total("rao_queue_wait_seconds_count") == 0


def test_calls_without_a_price_cost_nothing() -> None:
    found = seen(TreeBuilder().born("r").node("r", EventType.CALL_COMPLETED, 0, **settled(Usage.of(USED), cost=None)))
    assert list(found.of("rao_cost_usd_total")) == []


def test_nodes_below_the_eighth_level_share_a_depth() -> None:
    tree, parent = TreeBuilder().born("n0"), "n0"
    for depth in range(1, 12):
        tree.born(f"n{depth}", parent)
        parent = f"n{depth}"
    for depth in range(12):
        tree.done(f"n{depth}", 1)
    found = seen(tree)
    assert {s.labels["depth"]: s.value for s in found.of("rao_nodes_total")} == {str(n): 1 for n in range(9)} | {
        "9+": 3
    }


def test_a_node_that_failed_counts_by_its_reason() -> None:
    tree = TreeBuilder().born("r").node("r", EventType.NODE_FAILED, error={"reason": "window"})
    assert seen(tree).total("rao_nodes_total", depth="0", status="failed", reason="window") == 1


def test_cells_checks_tools_and_refusals_count_by_what_became_of_them() -> None:
    tree = TreeBuilder().born("r")
    for error, cell_s, killed in [(None, 0.1, False), ("E", 0.1, False), ("E", 9.9, True), ("no code", 0.0, False)]:
        tree.node("r", EventType.NODE_OUTPUT, 0, output="", error=error, cell_s=cell_s, killed=killed)
    for passed in (True, False, False):
        tree.node("r", EventType.NODE_CHECK, 0, passed=passed)
    tree.node("r", EventType.TOOL_COMPLETED, 0, name="craft", result=1)
    tree.node("r", EventType.TOOL_COMPLETED, 0, name="craft", error={"type": "ValueError"})
    tree.node("r", EventType.NODE_REFUSED, 0, reason="depth")
    found = seen(tree)
    cells = {s.labels["outcome"]: s.value for s in found.of("rao_cells_total")}
    assert cells == {"completed": 1, "error": 1, "killed": 1, "not_run": 1}
    assert found.total("rao_cell_seconds_count") == 3
    assert {s.labels["verdict"]: s.value for s in found.of("rao_checks_total")} == {"passed": 1, "failed": 2}
    assert {s.labels["outcome"]: s.value for s in found.of("rao_tool_calls_total")} == {"completed": 1, "failed": 1}
    assert found.total("rao_refusals_total", limit="depth") == 1
    assert found.total("rao_refusals_total") == 1


def test_an_ended_tree_tells_its_duration_nodes_and_critical_path() -> None:
    tree = TreeBuilder().born("r").done("r", 1)
    timing = {"wall_s": 8.0, "critical_path_s": 6.0}
    tree.tree(EventType.TREE_COMPLETED, status="completed", timing=timing, nodes={"total": 1})
    found = seen(tree)
    assert found.total("rao_trees_total", status="completed") == 1
    assert found.total("rao_tree_duration_seconds_sum", status="completed") == 8.0
    assert found.total("rao_tree_nodes_sum") == 1
    assert found.total("rao_tree_critical_path_ratio_sum") == 0.75


def test_a_tree_that_was_taken_over_counts_from_there_under_its_own_model() -> None:
    tree = TreeBuilder().born("r").node("r", EventType.CALL_COMPLETED, 0, **settled(Usage.of(USED)))
    tree.node("r", EventType.CALL_COMPLETED, 1, **settled(Usage.of(USED), turn=1))
    found = seen(tree, past=len(tree.events) - 1)
    assert found.total("rao_takeovers_total") == 1
    assert found.total("rao_calls_total") == 1
    assert found.total("rao_tokens_total", model="m", kind="output") == 10
    assert found.total("rao_journal_events_total") == 1


def test_the_journal_is_timed_from_the_oldest_event_of_an_append() -> None:
    metrics, tree = Metrics(StillClock()), TreeBuilder(begun=False)
    tree.at = 1_000.0 - 0.25
    tree.tree(EventType.TREE_CREATED, **CREATED).tree(EventType.TREE_STARTED, **STARTED)
    tree.at = 1_000.0 - 0.125
    tree.born("r")
    watch = metrics.trees.watch(tree.events[:1])
    watch.saw(tree.events[1:])
    found = read(metrics)
    assert found.total("rao_journal_append_seconds_sum") == 0.25
    assert found.total("rao_journal_append_seconds_count") == 1
    assert found.total("rao_journal_events_total") == 3


def test_models_beyond_the_hundredth_share_a_label() -> None:
    metrics = Metrics(StillClock())
    for n in range(MAX_MODELS + 20):
        tree = TreeBuilder(begun=False).tree(EventType.TREE_CREATED, **CREATED)
        tree.tree(EventType.TREE_STARTED, **{**STARTED, "model": f"adapter-{n}"}).born("r")
        tree.node("r", EventType.CALL_COMPLETED, 0, **settled(Usage.of(USED)))
        metrics.trees.watch(tree.events[:1]).saw(tree.events[1:])
    found = read(metrics)
    assert len({s.labels["model"] for s in found.of("rao_attempts_total")}) == MAX_MODELS + 1
    assert found.total("rao_attempts_total", model="other") == 20


def test_a_model_no_replica_ever_served_gets_no_label() -> None:
    tree = TreeBuilder(begun=False).tree(EventType.TREE_CREATED, **CREATED)
    tree.tree(EventType.TREE_STARTED, **{**STARTED, "model": "made up by a client"}).born("r")
    tree.node("r", EventType.NODE_FAILED, error={"reason": "deadline"})
    assert "made up" not in seen_text(tree)


def seen_text(builder: TreeBuilder) -> str:
    metrics = Metrics(StillClock())
    metrics.trees.watch(builder.events[:1]).saw(builder.events[1:])
    return metrics.text()
