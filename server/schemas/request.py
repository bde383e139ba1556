"""The body of `POST /solve`. Strict: nothing is coerced, nothing unknown is let through."""

from dataclasses import fields
from decimal import Decimal
from hashlib import sha256
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from rao_runtime.core.limits import Ceilings, Limits
from rao_runtime.core.task import Mode, Sampling, Task
from server.schemas.values import INT64, AnswerSchema, Metadata, Texts

DEFAULTS = Limits()

Count = Annotated[int, Field(ge=0, lt=INT64)]
Name = Annotated[str, Field(min_length=1, max_length=512)]

EXAMPLES: list[JsonValue] = [
    {"goal": "Count the lines that mention a kind of fruit.", "context": "an apple\na chair\ntwo pears\n"},
    {
        "goal": "Which of these reports mentions a recall? Answer with its name.",
        "context": {"march": "All units shipped.", "april": "A recall of 300 units was announced."},
        "mode": "recursive",
        "answer_schema": {"type": "string"},
        "check": "answer in ('march', 'april')",
        "limits": {"max_depth": 2, "max_nodes": 20, "deadline_s": 120},
        "metadata": {"team": "search"},
    },
]


class Strict(BaseModel):
    """Refuses unknown fields, coercions, NaN and infinities."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class LimitsIn(Strict):
    """Caps. Per node: `max_turns`, `max_children` (alive at once). Over the whole tree: the others."""

    max_depth: Count = Field(default=DEFAULTS.max_depth, description="Levels under the root, which has depth 0.")
    max_nodes: Count = Field(default=DEFAULTS.max_nodes, description="Nodes, root included.")
    max_children: Count = Field(default=DEFAULTS.max_children, description="Children alive at once under one node.")
    max_turns: Count = Field(default=DEFAULTS.max_turns, description="Turns of one node.")
    max_tokens: Count = Field(
        default=DEFAULTS.max_tokens, description="Input and output tokens, retried and cancelled work included."
    )
    max_cost: Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=12)] | None = Field(
        default=None, description="USD, best as a decimal string. Only for models with a price."
    )
    deadline_s: float = Field(default=DEFAULTS.deadline_s, gt=0, description="Seconds from acceptance.")

    def to_core(self, ceilings: Ceilings) -> Limits:
        """The runtime's limits. What was left out keeps under the ceilings; what was asked for stays as it is."""
        asked = self.model_dump()
        tops = {f.name: getattr(ceilings, f.name) for f in fields(ceilings) if f.name not in self.model_fields_set}
        return Limits(**asked | {name: min(asked[name], top) for name, top in tops.items()})


class SamplingIn(Strict):
    """How completions are drawn; what is left out comes from the model's profile."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1, lt=INT64, description="Output tokens of one call.")
    seed: int | None = Field(default=None, ge=-INT64, lt=INT64, description="Each call derives its own from it.")


class SolveRequest(Strict):
    """A task. Only `goal` is required."""

    model_config = ConfigDict(json_schema_extra={"examples": [*EXAMPLES]})

    goal: str = Field(min_length=1, max_length=64 << 10, description="What is to be found out or done.")
    context: Texts = Field(
        default=None,
        description="What to work on: a text, a list of texts, or an object of named texts. Never pasted whole.",
    )
    mode: Mode = Field(
        default=Mode.AUTO,
        description="`recursive`: nodes may launch children; `flat`: never; `auto`: when the task is large.",
    )
    auto_fraction: float = Field(
        default=0.5, gt=0, le=1, description="The share of the window up to which `auto` stays flat."
    )
    expected_output_tokens: Count = Field(
        default=1000, description="How long the answer may get, for `auto`'s estimate."
    )
    model: Name | None = Field(default=None, description="A served model's name; null for the server's default.")
    answer_schema: AnswerSchema = Field(default=None, description="JSON Schema of the answer.")
    check: str | None = Field(
        default=None, min_length=1, max_length=8 << 10, description="A Python expression over `answer` that must hold."
    )
    limits: LimitsIn = LimitsIn()
    sampling: SamplingIn = SamplingIn()
    tools: Annotated[list[Name], Field(max_length=64)] = Field(
        default_factory=list[str], description="Names from `GET /tools`."
    )
    priority: int = Field(default=0, ge=-10, le=10, description="Higher is sooner.")
    metadata: Metadata = Field(
        default_factory=dict[str, object], description="Yours; comes back with the tree. At most 16 KiB."
    )
    stream: bool = Field(default=False, description="Answer with the tree's events (SSE) instead of waiting.")

    def to_task(self, traceparent: str | None, ceilings: Ceilings) -> Task:
        """The runtime's task."""
        return Task(
            goal=self.goal,
            context=self.context,
            mode=self.mode,
            auto_fraction=self.auto_fraction,
            expected_output_tokens=self.expected_output_tokens,
            model=self.model,
            answer_schema=self.answer_schema,
            check=self.check,
            limits=self.limits.to_core(ceilings),
            sampling=Sampling(**self.sampling.model_dump()),
            tools=tuple(self.tools),
            priority=self.priority,
            metadata=self.metadata,
            traceparent=traceparent,
        )

    def fingerprint(self) -> str:
        """A hash of what is asked for, however it was written down; `stream` is how, not what."""
        asked = self.model_dump(mode="json", exclude={"stream"})
        return sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()
