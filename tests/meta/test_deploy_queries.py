"""Dashboard and alerts of deploy/ ask for metrics that the server has, by labels and values that these have."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from rao_runtime.adapters.clock import SystemClock
from rao_runtime.core.ledger import CallOutcome
from rao_runtime.core.limits import Ceilings
from rao_runtime.core.transitions import Status
from rao_runtime.telemetry.instruments import Histogram
from rao_runtime.telemetry.metrics import Metrics
from tests.meta.promql import asked
from tests.meta.stack import DEPLOY, read

ALERTS = [rule for group in read(DEPLOY / "alerts.yaml")["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((DEPLOY / "grafana" / "rao.json").read_text("utf-8"))
DATASOURCE = read(DEPLOY / "grafana" / "datasource.yaml")["datasources"][0]["uid"]
JOBS = {job["job_name"] for job in read(DEPLOY / "prometheus.yaml")["scrape_configs"]}
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

# Prometheus adds these to every series.
ADDED = {"job", "instance"}
# What vLLM and the collector call their own: theirs to change, held against vLLM 0.32.
OTHERS = re.compile(r"vllm:|otelcol_|up$")
# Labels whose values are words of ours.
WORDS = {
    "status": {status.value for status in Status},
    "outcome": {outcome.value for outcome in CallOutcome},
    "kind": {"input", "cached", "output", "wasted"},
    "job": JOBS,
}


def exposed() -> Iterator[tuple[str, frozenset[str]]]:
    """Every series that the server can show, with the labels it has."""
    for instrument in Metrics(SystemClock()).instruments:
        about = instrument.about
        name, labels = about.name.value, frozenset(about.labels)
        if isinstance(instrument, Histogram):
            yield f"{name}_bucket", labels | {"le"}
            yield f"{name}_sum", labels
            yield f"{name}_count", labels
        else:
            yield name, labels


EXPOSED: Mapping[str, frozenset[str]] = dict(exposed())


def expressions() -> Iterator[Any]:
    for rule in ALERTS:
        yield pytest.param(rule["expr"], id=rule["alert"])
    for panel in PANELS:
        for target in panel["targets"]:
            yield pytest.param(target["expr"], id=f"{panel['title']}-{target['refId']}")


def wrong_with(expression: str) -> list[str]:
    """What of an expression is not there. Raises ValueError where it is no PromQL."""
    found = list[str]()
    for each in asked(expression):
        found += [f"no {name} is {value}" for name, value in each.values if value not in WORDS.get(name, {value})]
        if OTHERS.match(each.metric):
            continue
        if each.metric not in EXPOSED:
            found.append(f"no metric {each.metric}")
            continue
        found += [f"{each.metric} has no label {name}" for name in each.labels - EXPOSED[each.metric] - ADDED]
    return found


@pytest.mark.parametrize("expression", list(expressions()))
def test_what_is_asked_for_is_there(expression: str) -> None:
    assert wrong_with(expression) == []


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("sum(rao_tree_active)", "no metric rao_tree_active"),
        ("rate(rao_queue_wait_seconds[5m])", "no metric rao_queue_wait_seconds"),
        ("histogram_quantile(0.5, sum by (depth, le) (rate(rao_queue_wait_seconds_bucket[5m])))", "has no label depth"),
        ('sum(rao_trees_total{state="failed"})', "rao_trees_total has no label state"),
        ('sum(rao_trees_total{status="broken"})', "no status is broken"),
        ('absent(up{job="roa"} == 1)', "no job is roa"),
    ],
)
def test_a_slip_in_a_query_is_found(expression: str, said: str) -> None:
    assert any(said in wrong for wrong in wrong_with(expression))


def test_a_query_that_is_none_is_found() -> None:
    with pytest.raises(ValueError, match=r".+"):
        wrong_with("sum(rao_trees_active")


def test_what_is_said_of_a_figure_names_labels_that_it_keeps() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            kept = set[str]().union(*(each.labels for each in asked(target["expr"])))
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept, panel["title"]


def test_every_panel_asks_the_data_source_that_is_there() -> None:
    assert len(PANELS) >= 20
    for panel in PANELS:
        for part in (panel, *panel["targets"]):
            assert part["datasource"] == {"type": "prometheus", "uid": DATASOURCE}, panel["title"]


def test_panels_have_a_title_a_unit_and_a_place_of_their_own() -> None:
    taken = set[tuple[int, int]]()
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert panel["title"]
        assert panel["type"] == "row" or panel["fieldConfig"]["defaults"]["unit"]
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, f"{panel['title']} covers another one"
        taken |= cells


@pytest.mark.parametrize(
    "metric",
    [
        "rao_trees_active",
        "rao_trees_queued",
        "rao_nodes_total",
        "rao_queue_wait_seconds_bucket",
        "rao_first_token_seconds_bucket",
        "rao_tokens_total",
        "rao_cost_usd_total",
        "rao_refusals_total",
        "rao_replica_ready",
        "rao_calls_in_flight",
        "rao_replica_kv_usage",
        "rao_journal_append_seconds_bucket",
        "rao_spans_dropped_total",
        "rao_tree_critical_path_ratio_bucket",
    ],
)
def test_the_dashboard_shows_what_somebody_looks_for(metric: str) -> None:
    shown = {each.metric for panel in PANELS for target in panel["targets"] for each in asked(target["expr"])}
    assert metric in shown


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_what_happened_and_what_to_do(rule: Mapping[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "description"}
    titles = {panel["title"] for panel in PANELS}
    assert set(re.findall(r'"([^"]+)"', rule["annotations"]["description"])) <= titles


def test_what_wakes_somebody_is_what_loses_work_or_stops_it() -> None:
    pages = {rule["alert"] for rule in ALERTS if rule["labels"]["severity"] == "page"}
    assert pages == {"RaoDown", "RaoJournalNotReady", "RaoNoReplicaReady", "RaoTreesFail"}


def test_no_tree_is_called_stuck_within_its_deadline() -> None:
    (rule,) = (rule for rule in ALERTS if rule["alert"] == "RaoTreeStuck")
    assert float(rule["expr"].rpartition(">")[2]) > Ceilings().deadline_s
