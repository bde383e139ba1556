"""The ledger: reports and records. Documentation and contract: rendering does not pass through these."""

from typing import Literal

from pydantic import BaseModel, Field

from rao_runtime.core.ledger import CallOutcome, Purpose, UsageSource
from rao_runtime.core.usage_report import Dimension


class UsageSums(BaseModel):
    """What some attempts come to."""

    trees: int | None = Field(description="Trees that ended; null by `outcome`, since that is an attempt's.")
    attempts: int = Field(description="Attempts at model calls that a replica worked on.")
    input_tokens: int = Field(description="With `cached_tokens`.")
    cached_tokens: int
    output_tokens: int
    wasted_tokens: int = Field(description="Input and output of attempts that gave no result.")
    cost: str | None = Field(description="A decimal number; null where no attempt has a price.")
    wasted_cost: str | None = Field(description="What of `cost` went to attempts that gave no result.")
    estimated_attempts: int = Field(description="Those whose tokens no replica counted.")
    unpriced_attempts: int = Field(description="Those that have no price, and are not in `cost`.")


class UsageLine(UsageSums):
    """One line; of the dimensions it has those that were asked for."""

    tenant: str | None = None
    project: str | None = None
    model: str | None = Field(default=None, description="Null where a tree ended before it had one.")
    day: str | None = Field(default=None, description="In UTC.", examples=["2026-11-22"])
    outcome: CallOutcome | None = None


class UsageReport(BaseModel):
    """Sums of the ledger."""

    since: str = Field(description="The first day.", examples=["2026-11-01"])
    until: str = Field(description="The day after the last one.", examples=["2026-12-01"])
    group_by: list[Dimension]
    currency: Literal["USD"]
    data: list[UsageLine]
    total: UsageSums


class UsageRecord(BaseModel):
    """One attempt at a model call."""

    booked_at: str = Field(description="When its tree was booked: that day's sums have it.")
    ts: str = Field(description="When it ended, to a tenth of a second.")
    tenant: str
    project: str
    tree_id: str | None = Field(description="Null for calls of the pool's own, as is `node_id`.")
    node_id: str | None
    call_id: str
    attempt: int = Field(description="Which try of the call, from 1.")
    purpose: Purpose
    model: str | None
    price_version: str | None
    outcome: CallOutcome
    usage_source: UsageSource
    input_tokens: int = Field(description="With `cached_tokens`.")
    cached_tokens: int
    output_tokens: int
    wasted: bool = Field(description="Whether it gave no result.")
    gpu_s: float | None = Field(description="GPU-seconds, where those are what is paid for.")
    cost: str | None = Field(description="A decimal number in USD; null where it has no price.")


class UsagePage(BaseModel):
    """Records, oldest booking first."""

    data: list[UsageRecord]
    next_cursor: str | None = Field(description="Where to go on, also later when `has_more` is false now.")
    has_more: bool = Field(description="Whether there may be more already; a page can be empty and have more.")
