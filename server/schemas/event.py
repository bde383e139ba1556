"""How an event looks."""

from typing import Any

from pydantic import BaseModel, Field


class Event(BaseModel):
    """One line of `data:` in the stream. `node.delta` and `stream.gap` have no `seq`."""

    v: int = Field(description="The journal's schema.")
    seq: int | None = Field(description="Counts from 1 without gaps over the tree; also the frame's `id:`.")
    type: str = Field(
        description="Also the frame's `event:`. Ignore types you do not know.", examples=["node.completed"]
    )
    tree_id: str
    node_id: str | None
    parent_id: str | None
    depth: int | None
    fork_step: int | None
    turn: int | None
    ts: str = Field(description="RFC 3339, UTC, milliseconds.", examples=["2026-11-21T10:00:00.000Z"])
    data: dict[str, Any]
