"""Trees and nodes as they go out. Documentation and contract: rendering does not pass through these."""

from typing import Any

from pydantic import BaseModel, Field

from rao_runtime.core.limits import Reason
from rao_runtime.core.task import Mode
from rao_runtime.core.transitions import Status
from rao_runtime.core.view import GOAL_CHARS


class Usage(BaseModel):
    """Tokens. `input_tokens` includes cached; totals include wasted (attempts that gave no result)."""

    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    wasted_tokens: int
    estimated: bool = Field(description="True once any part is not the replica's own count.")


class Cost(BaseModel):
    """Money, exactly: amounts are decimal strings. `amount` includes what was wasted."""

    amount: str = Field(pattern=r"^\d+(\.\d+)?$", examples=["0.001873"])
    wasted: str = Field(
        default="0",
        pattern=r"^\d+(\.\d+)?$",
        description="What attempts cost that gave no result. Missing in trees that ended before it was told.",
    )
    currency: str = Field(examples=["USD"])
    price_version: str


class ModelShare(BaseModel):
    """What one model had of a tree's tokens and money."""

    model: str
    usage: Usage
    cost: Cost | None


class Error(BaseModel):
    """Why a tree or node did not complete."""

    reason: Reason
    kind: str | None = Field(description="With `unable`: what the agent called it.")
    message: str
    node_id: str | None
    limit: float | str | None = Field(description="The limit that ran out, if one did.")
    spent: float | str | None
    retryable: bool


class Partial(BaseModel):
    """The best effort of a tree that did not complete."""

    answer: Any
    source_nodes: list[str]


class ModeOut(BaseModel):
    """`effective` is null until the tree has started."""

    requested: Mode
    effective: Mode | None


class LimitsOut(BaseModel):
    """Limits as in force."""

    max_depth: int
    max_nodes: int
    max_children: int
    max_turns: int
    max_tokens: int
    max_cost: str | None
    deadline_s: float


class NodeCounts(BaseModel):
    """How many nodes there are, by how they ended."""

    total: int
    completed: int
    failed: int
    canceled: int
    max_depth: int


class NodeTiming(BaseModel):
    """Times are RFC 3339 in UTC with milliseconds."""

    created_at: str
    started_at: str | None
    ended_at: str | None
    wall_s: float


class TreeTiming(NodeTiming):
    """`work_s` sums the work of all nodes; `critical_path_s` is the least time that unlimited replicas would take."""

    work_s: float | None
    critical_path_s: float | None


class Links(BaseModel):
    """Where to go from here, relative to the server's root; `trace` is a whole URL."""

    self: str
    events: str
    cancel: str
    trace: str | None = Field(description="The tree's trace; null where it is not traced, or no `trace_url` is set.")


class NodeSummary(BaseModel):
    """A node without its children. `usage` and `cost` are its own; the `subtree_` ones include its descendants."""

    node_id: str
    parent_id: str | None
    depth: int
    fork_step: int | None = Field(description="The parent's turn that launched it; null for the root.")
    launch_index: int | None
    goal: str
    status: Status
    error: Error | None
    answer: Any
    verified: bool | None = Field(description="Whether a check passed; null where there was none.")
    usage: Usage
    cost: Cost | None
    subtree_usage: Usage
    subtree_cost: Cost | None
    timing: NodeTiming


class Node(NodeSummary):
    """A node with its descendants."""

    children: list["Node"]


class TurnOut(BaseModel):
    """One think-act step."""

    thought: str | None
    code: str | None
    output: str | None
    error: str | None
    usage: Usage


class NodeDetail(NodeSummary):
    """A node with its turns and the ids of its children."""

    children: list[str]
    turns: list[TurnOut]


class Tree(BaseModel):
    """A task's execution."""

    tree_id: str
    trace_id: str
    schema_version: int
    status: Status
    goal: str | None = Field(
        default=None,
        max_length=GOAL_CHARS,
        description=f"What was asked, cut to {GOAL_CHARS} characters. Missing where `wasted` is.",
    )
    answer: Any
    error: Error | None = Field(description="Null unless it did not complete.")
    partial: Partial | None
    model: str | None
    mode: ModeOut
    usage: Usage
    cost: Cost | None = Field(description="Null for a model without a price.")
    by_model: list[ModelShare] = Field(
        default=[], description="Usage and cost of the whole tree, model by model. Missing where `wasted` is."
    )
    limits: LimitsOut
    nodes: NodeCounts
    timing: TreeTiming
    metadata: dict[str, Any]
    links: Links
    tree: Node | None = Field(default=None, description="The root with all its descendants, with `?nodes=true`.")


class TreePage(BaseModel):
    """Trees, newest first."""

    data: list["Tree"]
    next_cursor: str | None = Field(description="Pass it as `after` for the next page.")
    has_more: bool
