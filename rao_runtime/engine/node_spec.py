"""What a node is asked to do and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self, TypeAlias

from rao_runtime.core.limits import Limits, Reason
from rao_runtime.core.schema import Schema
from rao_runtime.core.state import NodeState
from rao_runtime.core.transitions import Status
from rao_runtime.engine.contexts import Content, ContextSize

Figure: TypeAlias = int | float | Decimal | str


@dataclass(frozen=True, slots=True)
class AuthoredCheck:
    """A check on the answer, and who wrote it: `client`, `parent` or `child`."""

    author: str
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpec:
    """One node's task. `limits` hold for it and all below it; their `max_depth` counts levels below this node."""

    node_id: str
    parent_id: str | None
    depth: int
    fork_step: int | None
    launch_index: int
    path: str
    goal: str
    context: Content
    size: ContextSize
    returns: Mapping[str, Any] | bool | None
    schema: Schema | None
    check: AuthoredCheck | None
    limits: Limits
    recursive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFailure:
    """Why a node ended without an answer. `kind` is the agent's own word where it called `fail`."""

    reason: Reason
    message: str
    kind: str | None = None
    limit: Figure | None = None
    spent: Figure | None = None
    node_id: str | None = None
    retryable: bool = False

    def as_dict(self, node_id: str) -> dict[str, Any]:
        """The `error` of api.md; money is a string."""
        return {
            "reason": self.reason.value,
            "kind": self.kind,
            "message": self.message,
            "node_id": self.node_id or node_id,
            "limit": _plain(self.limit),
            "spent": _plain(self.spent),
            "retryable": self.retryable,
        }

    @classmethod
    def from_dict(cls, error: Mapping[str, Any]) -> Self:
        """What `as_dict` gave; money stays the text it is."""
        given: dict[str, Any] = {**error, "reason": Reason(error["reason"])}
        return cls(**given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a node gave to `finish`; `verified` is True when checks passed, None when there were none."""

    value: Any
    evidence: Any = None
    verified: bool | None = None


@dataclass(frozen=True, slots=True)
class NodeEnd:
    """How a node ended: with an answer, or with a failure."""

    status: Status
    answer: Answer | None
    failure: NodeFailure | None

    @classmethod
    def of(cls, node: NodeState) -> Self:
        """How a node ended, as its journal tells it."""
        if node.error is not None:
            return cls(node.status, None, NodeFailure.from_dict(node.error))
        return cls(node.status, Answer(value=node.answer, evidence=node.evidence, verified=node.verified), None)


def _plain(figure: Figure | None) -> int | float | str | None:
    return str(figure) if isinstance(figure, Decimal) else figure
