"""A task: what a client submits, already checked. Knows nothing of HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from rao_runtime.core.limits import Limits

Context = str | list[str] | dict[str, str] | None


class Mode(StrEnum):
    """Whether nodes may launch children: as they like, never, or only when the task outgrows a share of the window."""

    AUTO = "auto"
    RECURSIVE = "recursive"
    FLAT = "flat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How completions are drawn; None leaves the profile's default. `seed` is the task's; each call derives its own."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The wire form of api.md."""
        return {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One request to solve something. `priority` runs from -10 to 10, higher is sooner."""

    goal: str
    context: Context = None
    mode: Mode = Mode.AUTO
    auto_fraction: float = 0.5
    expected_output_tokens: int = 1000
    model: str | None = None
    answer_schema: Mapping[str, Any] | bool | None = None
    check: str | None = None
    limits: Limits = Limits()
    sampling: Sampling = Sampling()
    tools: tuple[str, ...] = ()
    priority: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    traceparent: str | None = None

    def as_request(self, context: Mapping[str, Any] | None) -> dict[str, Any]:
        """The request in force, as journaled; `context` tells of the text without holding it."""
        return {
            "goal": self.goal,
            "context": context,
            "mode": self.mode.value,
            "auto_fraction": self.auto_fraction,
            "expected_output_tokens": self.expected_output_tokens,
            "model": self.model,
            "answer_schema": self.answer_schema,
            "check": self.check,
            "limits": self.limits.as_dict(),
            "sampling": self.sampling.as_dict(),
            "tools": list(self.tools),
            "priority": self.priority,
            "metadata": dict(self.metadata),
        }

    @classmethod
    def from_request(cls, request: Mapping[str, Any], context: Context, *, traceparent: str | None) -> Self:
        """The task that a journal tells of: what `as_request` gave, and the text it left out."""
        given: dict[str, Any] = {
            **request,
            "context": context,
            "mode": Mode(request["mode"]),
            "limits": Limits.from_dict(request["limits"]),
            "sampling": Sampling(**request["sampling"]),
            "tools": tuple(request["tools"]),
            "traceparent": traceparent,
        }
        return cls(**given)


def context_chars(context: Context) -> int:
    """How many characters of text a context holds."""
    match context:
        case None:
            return 0
        case str():
            return len(context)
        case list():
            return sum(map(len, context))
        case dict():
            return sum(len(name) + len(text) for name, text in context.items())
