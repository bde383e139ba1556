"""What goes into Redis comes out as it was."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.adapters.redis_events import (
    decode,
    decode_command,
    decode_delta,
    encode,
    encode_command,
    encode_delta,
)
from rao_runtime.core.events import Event, EventType, NodeDelta
from rao_runtime.ports import Command

LEAVES: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**63, max_value=2**200)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    # Only first halves of pairs: a first and a second one side by side are one character in any JSON.
    | st.text(alphabet=st.characters(min_codepoint=0xD800, max_codepoint=0xDBFF, categories=["Cs"]))
)
DATA = st.dictionaries(
    st.text(), st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
)


def there_and_back(event: Event) -> Event:
    name, value = encode(event)
    return decode(event.tree_id, [f"{event.seq}-0".encode(), [name.encode(), value]])


def exact(value: object) -> str:
    """As text, which tells 1 from 1.0 and True, and 0.0 from -0.0."""
    return repr(value)


@given(data=DATA, ts=st.floats(allow_nan=False, allow_infinity=False), seq=st.integers(1, 10**12))
def test_any_data_comes_back_exactly(data: dict[str, Any], ts: float, seq: int) -> None:
    event = Event(seq=seq, type=EventType.NODE_OUTPUT, tree_id="t", ts=ts, data=data)
    back = there_and_back(event)
    assert back == event
    assert exact(back.data) == exact(data)


@given(
    type_=st.sampled_from(EventType),
    node_id=st.none() | st.text(),
    parent_id=st.none() | st.text(),
    depth=st.none() | st.integers(0, 99),
    fork_step=st.none() | st.integers(0, 99),
    turn=st.none() | st.integers(0, 99),
    v=st.integers(1, 3),
)
def test_any_event_comes_back_whole(
    type_: EventType,
    node_id: str | None,
    parent_id: str | None,
    depth: int | None,
    fork_step: int | None,
    turn: int | None,
    v: int,
) -> None:
    event = Event(
        seq=7,
        type=type_,
        tree_id="t",
        ts=1.5,
        node_id=node_id,
        parent_id=parent_id,
        depth=depth,
        fork_step=fork_step,
        turn=turn,
        v=v,
    )
    assert there_and_back(event) == event


def test_an_event_written_as_plain_json_can_be_read() -> None:
    event = Event(seq=3, type=EventType.NODE_OUTPUT, tree_id="t", ts=2.0, node_id="n", data={"text": "é"})
    value = orjson.dumps({"type": "node.output", "ts": 2.0, "node_id": "n", "data": {"text": "é"}})
    assert decode("t", [b"3-0", [b"e", value]]) == event


def test_an_event_written_by_an_earlier_version_can_be_read() -> None:
    value = bytes.fromhex("28b52ffd20420d01004832743a22c3a9227d7d070009e420bc65820c224009b9f043adf326fb58500181")
    event = Event(seq=3, type=EventType.NODE_OUTPUT, tree_id="t", ts=2.0, node_id="n", data={"text": "é"})
    assert decode("t", [b"3-0", [b"z", value]]) == event


def test_what_all_events_have_in_common_costs_little() -> None:
    usage = {"calls": 1, "input_tokens": 840, "cached_tokens": 0, "output_tokens": 30, "wasted_tokens": 0}
    data = {"call_id": "9862827cc66b22bb445d-t0", "attempt": 1, "turn": 0, "text": "", "finish_reason": "stop"}
    event = Event(
        seq=3,
        type=EventType.CALL_COMPLETED,
        tree_id="t",
        ts=1795255201.25,
        node_id="9862827cc66b22bb445d",
        depth=0,
        turn=0,
        data={**data, "usage": usage, "cost": None},
    )
    assert len(encode(event)[1]) < 100


@given(text=st.text(), offset=st.integers(0, 10**9), parent_id=st.none() | st.text())
def test_a_delta_comes_back_whole(text: str, offset: int, parent_id: str | None) -> None:
    delta = NodeDelta(
        tree_id="t",
        node_id="n",
        parent_id=parent_id,
        depth=1,
        fork_step=None,
        turn=2,
        attempt=1,
        offset=offset,
        text=text,
        ts=0.5,
    )
    name, value = encode_delta(delta)
    assert decode_delta("t", name.encode(), value) == delta


@pytest.mark.parametrize("command", [Command("cancel"), Command("cancel", "n1")], ids=str)
def test_a_command_comes_back_whole(command: Command) -> None:
    assert decode_command([field.encode() for field in encode_command(command)]) == command
