"""Trees and nodes as a client sees them. `raw` is what the server sent, with the fields that have no name here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

from rao_runtime.client import fields

Raw = Mapping[str, Any]

RUNNING = frozenset({"submitted", "working"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens. `input_tokens` includes cached; totals include wasted. `estimated`: some part was not counted exactly."""

    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    wasted_tokens: int
    estimated: bool

    @classmethod
    def read(cls, raw: Raw) -> Self:
        """From a usage of the API."""
        return cls(
            calls=fields.number(raw.get("calls")),
            input_tokens=fields.number(raw.get("input_tokens")),
            cached_tokens=fields.number(raw.get("cached_tokens")),
            output_tokens=fields.number(raw.get("output_tokens")),
            wasted_tokens=fields.number(raw.get("wasted_tokens")),
            estimated=raw.get("estimated") is True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShare:
    """What one model had of a tree's tokens and money (USD, None without a price)."""

    model: str
    usage: Usage
    cost: Decimal | None
    wasted: Decimal | None

    @classmethod
    def read(cls, raw: Raw) -> Self:
        """From an entry of a tree's `by_model`."""
        return cls(
            model=fields.text(raw.get("model")),
            usage=Usage.read(fields.mapping(raw.get("usage"))),
            cost=fields.cost(raw.get("cost")),
            wasted=fields.wasted(raw.get("cost")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCounts:
    """How many nodes there are, by how they ended, and the greatest depth."""

    total: int
    completed: int
    failed: int
    canceled: int
    max_depth: int

    @classmethod
    def read(cls, raw: Raw) -> Self:
        """From the `nodes` of a tree."""
        return cls(
            total=fields.number(raw.get("total")),
            completed=fields.number(raw.get("completed")),
            failed=fields.number(raw.get("failed")),
            canceled=fields.number(raw.get("canceled")),
            max_depth=fields.number(raw.get("max_depth")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a tree or node has no answer. `kind`: with reason `unable`, what the agent called it."""

    reason: str
    kind: str | None
    message: str
    node_id: str | None
    retryable: bool
    raw: Raw = field(repr=False)

    def __str__(self) -> str:
        return f"{self.reason} ({self.kind}): {self.message}" if self.kind else f"{self.reason}: {self.message}"

    @classmethod
    def read(cls, raw: Raw) -> Self | None:
        """From an `error` of the API; None where there is none."""
        if not raw:
            return None
        return cls(
            reason=fields.text(raw.get("reason")),
            kind=fields.text_or_none(raw.get("kind")),
            message=fields.text(raw.get("message")),
            node_id=fields.text_or_none(raw.get("node_id")),
            retryable=raw.get("retryable") is True,
            raw=raw,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One agent. `usage`, `cost` and `wasted` are its own; `raw` has those of its subtree.

    With `Client.node` it has its turns as well.
    """

    node_id: str
    parent_id: str | None
    depth: int
    goal: str
    status: str
    answer: Any
    error: Failure | None
    usage: Usage
    cost: Decimal | None
    wasted: Decimal | None
    children: tuple["Node", ...]
    raw: Raw = field(repr=False)

    @classmethod
    def read(cls, raw: Raw) -> Self | None:
        """From a node of the API; None for what is none."""
        node_id, status = raw.get("node_id"), raw.get("status")
        if not isinstance(node_id, str) or not isinstance(status, str):
            return None
        children = (cls.read(fields.mapping(child)) for child in fields.items(raw.get("children")))
        return cls(
            node_id=node_id,
            parent_id=fields.text_or_none(raw.get("parent_id")),
            depth=fields.number(raw.get("depth")),
            goal=fields.text(raw.get("goal")),
            status=status,
            answer=raw.get("answer"),
            error=Failure.read(fields.mapping(raw.get("error"))),
            usage=Usage.read(fields.mapping(raw.get("usage"))),
            cost=fields.cost(raw.get("cost")),
            wasted=fields.wasted(raw.get("cost")),
            children=tuple(child for child in children if child is not None),
            raw=raw,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A task's execution. `cost` is in USD, None for a model without a price; `wasted` is the part of it that went to
    attempts without a result. `by_model` has the same by model. `goal` is the beginning of a long one.

    `answer` is None unless it completed; `partial` is then the best effort, if there is any: unchecked, so no answer.
    `root` is there where all nodes were asked for.
    """

    tree_id: str
    status: str
    goal: str | None
    answer: Any
    error: Failure | None
    partial: Any
    usage: Usage
    cost: Decimal | None
    wasted: Decimal | None
    by_model: tuple[ModelShare, ...]
    nodes: NodeCounts
    metadata: Raw
    root: Node | None
    raw: Raw = field(repr=False)

    @property
    def has_ended(self) -> bool:
        """Whether it is over, well or not."""
        return self.status not in RUNNING

    @property
    def is_completed(self) -> bool:
        """Whether it has an answer."""
        return self.status == "completed"

    @classmethod
    def read(cls, raw: Raw) -> Self | None:
        """From a tree of the API; None for what is none."""
        tree_id, status = raw.get("tree_id"), raw.get("status")
        if not isinstance(tree_id, str) or not isinstance(status, str):
            return None
        return cls(
            tree_id=tree_id,
            status=status,
            goal=fields.text_or_none(raw.get("goal")),
            answer=raw.get("answer"),
            error=Failure.read(fields.mapping(raw.get("error"))),
            partial=fields.mapping(raw.get("partial")).get("answer"),
            usage=Usage.read(fields.mapping(raw.get("usage"))),
            cost=fields.cost(raw.get("cost")),
            wasted=fields.wasted(raw.get("cost")),
            by_model=tuple(ModelShare.read(fields.mapping(each)) for each in fields.items(raw.get("by_model"))),
            nodes=NodeCounts.read(fields.mapping(raw.get("nodes"))),
            metadata=fields.mapping(raw.get("metadata")),
            root=Node.read(fields.mapping(raw.get("tree"))),
            raw=raw,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some trees, newest first. `next_cursor` is the `after` of the next page, None on the last one."""

    trees: tuple[Tree, ...]
    next_cursor: str | None
