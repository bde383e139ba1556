"""Events as server-sent events: bytes, one frame each."""

from collections.abc import Mapping
from typing import Any

from rao_runtime.core.events import SCHEMA_VERSION, Event, EventType, NodeDelta
from rao_runtime.core.view import timestamp
from server.rendering import encode

RETRY_MS = 2000
RETRY = b"retry: %d\n\n" % RETRY_MS
GOODBYE = b": server is shutting down\nretry: %d\n\n" % RETRY_MS


def frame(item: Event | NodeDelta) -> bytes:
    """The item's frame; a delta has no id, so that nobody resumes after it."""
    if isinstance(item, NodeDelta):
        return b"event: %s\ndata: %s\n\n" % (EventType.NODE_DELTA.encode(), encode(_delta(item)))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (item.seq, item.type.encode(), encode(_event(item)))


def gap(tree_id: str, tree: Mapping[str, Any], ts: float) -> bytes:
    """The frame that stands for events a client asked for and cannot have: the tree as it is now."""
    event = Event(seq=0, type=EventType.STREAM_GAP, tree_id=tree_id, ts=ts, data=tree)
    return b"event: %s\ndata: %s\n\n" % (event.type.encode(), encode(_event(event) | {"seq": None}))


def _event(event: Event) -> dict[str, Any]:
    return {
        "v": event.v,
        "seq": event.seq,
        "type": event.type,
        "tree_id": event.tree_id,
        "node_id": event.node_id,
        "parent_id": event.parent_id,
        "depth": event.depth,
        "fork_step": event.fork_step,
        "turn": event.turn,
        "ts": timestamp(event.ts),
        "data": event.data,
    }


def _delta(delta: NodeDelta) -> dict[str, Any]:
    return {
        "v": SCHEMA_VERSION,
        "seq": None,
        "type": EventType.NODE_DELTA,
        "tree_id": delta.tree_id,
        "node_id": delta.node_id,
        "parent_id": delta.parent_id,
        "depth": delta.depth,
        "fork_step": delta.fork_step,
        "turn": delta.turn,
        "ts": timestamp(delta.ts),
        "data": {"text": delta.text, "attempt": delta.attempt, "offset": delta.offset},
    }
