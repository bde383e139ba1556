"""A journal as bytes, read back, and shown to a human."""

import dataclasses
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

import orjson

from rao_runtime.core.events import Event, EventType
from rao_runtime.core.state import TreeState, fold
from tests.sim.clock import EPOCH

SHOWN_CHARS = 160


def as_bytes(events: Iterable[Event]) -> bytes:
    """The events as lines of JSON."""
    return b"\n".join(orjson.dumps(dataclasses.asdict(event)) for event in events)


def digest(journals: Iterable[Sequence[Event]]) -> str:
    """A fingerprint of these journals."""
    whole = blake2b(digest_size=16)
    for events in journals:
        whole.update(as_bytes(events))
    return whole.hexdigest()


def replayed(tree_id: str, events: Sequence[Event]) -> TreeState:
    """The state of a tree from its journal alone, read back from bytes so that it shares nothing with the live one."""
    return fold(tree_id, map(_event, orjson.loads(b"[" + b",".join(as_bytes([e]) for e in events) + b"]")))


def shown(event: Event) -> str:
    """One line about an event."""
    node = "" if event.node_id is None else f" {event.node_id[:6]} d{event.depth} t{event.turn}"
    data = orjson.dumps(dict(event.data)).decode()
    return f"{event.seq:5} {event.ts - EPOCH:9.3f} {event.type:16}{node} {data[:SHOWN_CHARS]}"


def difference(one: TreeState, other: TreeState) -> str:
    """Where two states differ, at least one place of it."""
    for name in (f.name for f in dataclasses.fields(TreeState) if f.name != "nodes"):
        if getattr(one, name) != getattr(other, name):
            return f"{name}: {getattr(one, name)!r} != {getattr(other, name)!r}"
    for node_id, node in one.nodes.items():
        for name in (f.name for f in dataclasses.fields(node)):
            mine, theirs = getattr(node, name), getattr(other.nodes.get(node_id), name, "no such node")
            if mine != theirs:
                return f"node {node_id} {name}: {mine!r} != {theirs!r}"
    return f"nodes: {list(one.nodes)} != {list(other.nodes)}"


def _event(wire: dict[str, Any]) -> Event:
    fields: dict[str, Any] = {**wire, "type": EventType(wire["type"])}
    return Event(**fields)
