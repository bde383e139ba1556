"""One event of a tree's journal, as it came over the stream."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from rao_runtime.client import fields
from rao_runtime.client.tree import Tree

ENDS = frozenset({"tree.completed", "tree.failed", "tree.canceled"})
GAP = "stream.gap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Ignore types you do not know: there will be more. `line` is the JSON as the server sent it, `raw` its value.

    `seq` counts from 1 over the tree; `node.delta` and `stream.gap` are not journaled and have none.
    """

    seq: int | None
    type: str
    tree_id: str
    node_id: str | None
    parent_id: str | None
    depth: int | None
    fork_step: int | None
    turn: int | None
    ts: str
    data: Mapping[str, Any]
    line: str = field(repr=False)
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def is_end(self) -> bool:
        """Whether it is the tree's terminal event, the last one."""
        return self.type in ENDS

    @property
    def is_gap(self) -> bool:
        """Whether events that were asked for cannot be had: `tree` is what to go on from."""
        return self.type == GAP

    @property
    def tree(self) -> Tree | None:
        """The whole tree, where the event brings it: at its end, and at a gap."""
        return Tree.read(self.data) if self.is_end or self.is_gap else None

    @classmethod
    def read(cls, line: str) -> Self | None:
        """From a stream's data; None for what is no event, since a stream may hold what we do not know."""
        raw = fields.mapping(fields.from_json(line))
        kind = raw.get("type")
        if not isinstance(kind, str):
            return None
        return cls(
            seq=fields.integer(raw.get("seq")),
            type=kind,
            tree_id=fields.text(raw.get("tree_id")),
            node_id=fields.text_or_none(raw.get("node_id")),
            parent_id=fields.text_or_none(raw.get("parent_id")),
            depth=fields.integer(raw.get("depth")),
            fork_step=fields.integer(raw.get("fork_step")),
            turn=fields.integer(raw.get("turn")),
            ts=fields.text(raw.get("ts")),
            data=fields.mapping(raw.get("data")),
            line=line,
            raw=raw,
        )
