"""docs/metrics.md lists every metric as it is, and none that is not."""

import re
from pathlib import Path

from rao_runtime.telemetry.metrics import Metrics
from rao_runtime.telemetry.metrics_variables import ENDPOINT, EXPORTER, INTERVAL, OWN_ENDPOINT
from rao_runtime.telemetry.names import Metric
from tests.unit.metric_page import StillClock

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
ROW = re.compile(r"^\| `(rao_\w+)` \| (\w+) \| `([^`]+)` \|([^|]*)\| (.+) \|$", re.MULTILINE)
PARTS = ("_bucket", "_sum", "_count")


def test_the_page_and_the_code_have_the_same_metrics_types_units_and_labels() -> None:
    told = {row[1]: (row[2], row[3], tuple(re.findall(r"`(\w+)`", row[4]))) for row in ROW.finditer(PAGE)}
    made = [each.about for each in Metrics(StillClock()).instruments]
    assert told == {about.name.value: (about.kind.value, about.unit, about.labels) for about in made}
    assert {about.name for about in made} == set(Metric)


def test_whatever_rule_or_query_the_page_gives_is_of_metrics_there_are() -> None:
    names = set(re.findall(r"\brao_[a-z_]+\b", PAGE))
    known = {metric.value for metric in Metric}
    known |= {name + part for name in known for part in PARTS}
    assert names - known == set()


def test_the_page_names_the_variables_that_are_read() -> None:
    assert [name for name in (ENDPOINT, OWN_ENDPOINT, EXPORTER, INTERVAL) if f"| `{name}` |" not in PAGE] == []
