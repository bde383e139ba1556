"""What recursion was worth in a tree. Documentation and contract: rendering does not pass through these."""

from pydantic import BaseModel, Field

from rao_runtime.core.split_signs import Rule, Sign
from rao_runtime.core.task import Mode
from rao_runtime.core.transitions import Status


class SignOut(BaseModel):
    """Something that a good split does not show. A hint, no proof."""

    kind: Sign
    rule: Rule = Field(description="What was seen.")
    message: str = Field(description="The rule in words.")
    node_ids: list[str]


class Baseline(BaseModel):
    """The other tree, and this one's figures ÷ that one's; null where that one's is zero."""

    tree_id: str
    mode: Mode | None
    status: Status
    tokens: int
    token_multiple: float | None
    run_multiple: float | None
    cost_multiple: float | None


class Analysis(BaseModel):
    """Figures and signs; of a tree that still runs, as far as it has come. Tokens are input and output together."""

    tree_id: str
    status: Status
    nodes: int
    run_s: float = Field(description="From the tree's start to its end.")
    work_s: float = Field(description="All calls and cells, one after the other.")
    critical_path_s: float = Field(description="What it would have taken with replicas without bounds.")
    critical_path: list[str] = Field(description="The nodes it leads through, root first.")
    speedup: float | None = Field(description="Work ÷ run: against one call at a time.")
    ideal_speedup: float | None = Field(description="Work ÷ critical path.")
    parallel_share: float | None = Field(description="1 - critical path ÷ work.")
    tokens: int
    wasted_tokens: int
    baseline: Baseline | None
    signs: list[SignOut]
