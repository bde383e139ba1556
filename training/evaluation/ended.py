"""What came of a tree: all that the evaluation looks at, so that the tree itself can be erased."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rao_runtime.core.state import TreeState
from rao_runtime.core.usage import Usage
from rao_runtime.core.view import amount
from training.evaluation.decisions import Decisions, decisions

# Why a tree ended that says nothing about what its model can do.
BROKEN = frozenset({"model_error", "sandbox_error", "overloaded", "internal"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A tree that is over. `inventory` is what its tools still held; times are the runtime's own figures."""

    status: str
    answer: Any = None
    error: Mapping[str, Any] = field(default_factory=dict[str, Any])
    nodes: int = 1
    usage: Usage = Usage()
    cost: Decimal | None = None
    wall_s: float = 0.0
    work_s: float = 0.0
    critical_path_s: float = 0.0
    inventory: Mapping[str, Any] = field(default_factory=dict[str, Any])
    decisions: Decisions = Decisions()

    @classmethod
    def of(cls, state: TreeState, context: object) -> "Ended":
        """From the tree's journal; `context` is the text that its task came with."""
        end = state.end or {}
        return cls(
            status=end["status"],
            answer=end["answer"],
            error=end["error"] or {},
            nodes=len(state.nodes),
            usage=state.usage,
            cost=None if end["cost"] is None else state.cost,
            wall_s=end["timing"]["wall_s"],
            work_s=end["timing"]["work_s"],
            critical_path_s=end["timing"]["critical_path_s"],
            inventory=state.tool_states.get("craft") or {},
            decisions=decisions(state, context),
        )

    @property
    def ran(self) -> bool:
        """Whether the model had its say."""
        return self.usage.calls > 0 and self.error.get("reason") not in BROKEN

    @property
    def outcome(self) -> str:
        """How it ended, in a word: a failure is named by what the agent said, else by its reason."""
        reason = self.error.get("reason") or self.status
        return (self.error.get("kind") or reason) if reason == "unable" else reason

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "status": self.status,
            "answer": self.answer,
            "error": {name: self.error.get(name) for name in ("reason", "kind", "message")} if self.error else None,
            "nodes": self.nodes,
            "usage": self.usage.as_dict(),
            "cost": None if self.cost is None else amount(self.cost),
            "wall_s": self.wall_s,
            "work_s": self.work_s,
            "critical_path_s": self.critical_path_s,
        }
