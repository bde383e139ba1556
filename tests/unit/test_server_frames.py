"""Events as frames."""

import json

from rao_runtime.core.events import Event, EventType, NodeDelta
from server.frames import frame, gap

EVENT = Event(
    seq=17,
    type=EventType.NODE_COMPLETED,
    tree_id="t",
    ts=1795255200.0004,
    node_id="n",
    parent_id="p",
    depth=1,
    fork_step=0,
    turn=1,
    data={"answer": "two\nlines"},
)
DELTA = NodeDelta(
    tree_id="t", node_id="n", parent_id=None, depth=0, fork_step=None, turn=2, attempt=1, offset=5, text="abc", ts=0.5
)


def test_an_event_is_three_lines_and_all_of_the_contracts_fields() -> None:
    number, kind, data, *rest = frame(EVENT).decode().split("\n")
    assert (number, kind, rest) == ("id: 17", "event: node.completed", ["", ""])
    assert data == (
        'data: {"v":1,"seq":17,"type":"node.completed","tree_id":"t","node_id":"n","parent_id":"p","depth":1,'
        '"fork_step":0,"turn":1,"ts":"2026-11-21T10:00:00.000Z","data":{"answer":"two\\nlines"}}'
    )


def test_a_delta_has_no_id() -> None:
    kind, data, *rest = frame(DELTA).decode().split("\n")
    assert (kind, rest) == ("event: node.delta", ["", ""])
    told = json.loads(data.removeprefix("data: "))
    assert told["seq"] is None
    assert told["data"] == {"text": "abc", "attempt": 1, "offset": 5}


def test_a_gap_shows_the_tree_and_has_no_id() -> None:
    kind, data, *rest = gap("t", {"status": "working"}, 0.0).decode().split("\n")
    assert (kind, rest) == ("event: stream.gap", ["", ""])
    told = json.loads(data.removeprefix("data: "))
    assert told["seq"] is None
    assert told["data"] == {"status": "working"}
    assert list(told) == list(json.loads(frame(EVENT).decode().split("data: ")[1]))
