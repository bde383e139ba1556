"""docs/spans.md names everything that a span can tell."""

import re
from pathlib import Path

import pytest

from rao_runtime.core.events import EventType
from rao_runtime.core.limits import Reason
from rao_runtime.telemetry.span import Span
from tests.unit.traced_tree import TracedTree

PAGE = (Path(__file__).parents[2] / "docs" / "spans.md").read_text("utf-8")
LEFT = {"nodes": 3, "tokens": 900, "cost": "0.5"}


def told() -> list[Span]:
    """The spans of a tree to which everything happens."""
    tree = TracedTree().born("r").tree(EventType.TREE_RESUMED, fence=2, from_seq=4)
    tree.asks("r").fails("r", "busy", retry={"after_s": 1.0, "counts": 0}).asks("r", 0, 2).told("r", 0, 2).acts("r")
    split = {"children": [{"node_id": "c", "goal": "g"}], "reserves": [{"tokens": 1, "cost": "1"}], "remaining": LEFT}
    tree.node("r", EventType.NODE_SPLIT, 0, **split).born("c", "r").done("c", verified=True)
    check = {"author": "client", "passed": False, "message": "no", "now": 0.0, "try": 1}
    tree.node("r", EventType.NODE_CHECK, 0, **check)
    refused = {"launch_index": 4, "goal": "more", "reason": "nodes", "message": "none is left", "remaining": LEFT}
    for _ in range(130):
        tree.node("r", EventType.NODE_REFUSED, 0, **refused)
    tree.node("r", EventType.NODE_PUBLISHED, 0, value=1).sees("r", error="KeyError: 1")
    tool = {"call_id": "r-t0-c0", "name": "grep"}
    tree.node("r", EventType.TOOL_STARTED, 0, **tool, arguments={}).node(
        "r", EventType.TOOL_COMPLETED, 0, **tool, result=1
    )
    return tree.done("r").spans(content=True)


def test_every_attribute_and_event_is_documented() -> None:
    spans = told()
    events = [event for span in spans for event in span.events]
    names = {name for each in (*spans, *events) for name in each.attributes} | {event.name for event in events}
    documented = set(re.findall(r"`([a-z_.]+[a-z_*])`", PAGE))
    families = tuple(name.removesuffix("*") for name in documented if name.endswith(".*"))
    assert len(names) > 60
    assert {name for name in names if name not in documented and not name.startswith(families)} == set()


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_documented_as_an_error_type(reason: Reason) -> None:
    assert re.search(rf"[` ]{reason.value}[` ]", PAGE)
