"""The journal's entries. What a client sees over SSE is these, as they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

SCHEMA_VERSION = 1


class EventType(StrEnum):
    """Every type of api.md. A client ignores those it does not know."""

    TREE_CREATED = "tree.created"
    TREE_STARTED = "tree.started"
    TREE_RESUMED = "tree.resumed"
    NODE_CREATED = "node.created"
    NODE_STARTED = "node.started"
    NODE_DELTA = "node.delta"
    CALL_STARTED = "call.started"
    CALL_COMPLETED = "call.completed"
    CALL_FAILED = "call.failed"
    NODE_TURN = "node.turn"
    NODE_SPLIT = "node.split"
    NODE_REFUSED = "node.refused"
    NODE_RESUMED = "node.resumed"
    NODE_OUTPUT = "node.output"
    NODE_CHECK = "node.check"
    NODE_PUBLISHED = "node.published"
    TOOL_STARTED = "tool.started"
    TOOL_COMPLETED = "tool.completed"
    NODE_COMPLETED = "node.completed"
    NODE_FAILED = "node.failed"
    NODE_CANCELED = "node.canceled"
    LIMITS_CHANGED = "limits.changed"
    TREE_COMPLETED = "tree.completed"
    TREE_FAILED = "tree.failed"
    TREE_CANCELED = "tree.canceled"
    STREAM_GAP = "stream.gap"


TREE_ENDS = frozenset({EventType.TREE_COMPLETED, EventType.TREE_FAILED, EventType.TREE_CANCELED})
NODE_ENDS = frozenset({EventType.NODE_COMPLETED, EventType.NODE_FAILED, EventType.NODE_CANCELED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry. `seq` counts from 1 without gaps over the tree; `ts` is epoch seconds; `data` is JSON-able."""

    seq: int
    type: EventType
    tree_id: str
    ts: float
    node_id: str | None = None
    parent_id: str | None = None
    depth: int | None = None
    fork_step: int | None = None
    turn: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    v: int = SCHEMA_VERSION

    @property
    def is_end(self) -> bool:
        """Whether this is the tree's terminal event, the last one of its stream."""
        return self.type in TREE_ENDS


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDelta:
    """Text a node's model is writing now: coalesced, not journaled, without a `seq`.

    `offset` counts characters of this attempt's completion before `text`.
    """

    tree_id: str
    node_id: str
    parent_id: str | None
    depth: int
    fork_step: int | None
    turn: int
    attempt: int
    offset: int
    text: str
    ts: float
