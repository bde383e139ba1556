"""What the KV scheduler is told and what it says: requests, limits, decisions."""

from dataclasses import dataclass

Key = tuple[int, int]
"""A request's priority and its number in order of arrival: who has the lower one goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KvLimits:
    """The engine's measures: blocks and their size in tokens, requests that run at once, and how prompts are read.

    A step reads up to `step_tokens` of prompts at `tokens_per_s`; infinitely fast where that is `inf`.
    """

    blocks: int
    block_size: int
    slots: int
    step_tokens: int
    tokens_per_s: float


@dataclass(frozen=True, slots=True)
class Demand:
    """A request: its place in the order, its prompt's tokens, the names of all full blocks it will ever fill."""

    key: Key
    prompt_tokens: int
    names: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Admitted:
    """It runs from now on; so many tokens of it were in the cache."""

    key: Key
    cached_tokens: int


@dataclass(frozen=True, slots=True)
class Ready:
    """All of its prompt, and of its completion so far, was read at this time: the next token can be produced."""

    key: Key
    at_s: float


@dataclass(frozen=True, slots=True)
class Grown:
    """There is room for the tokens it asked for."""

    key: Key


@dataclass(frozen=True, slots=True)
class Preempted:
    """It lost its blocks and waits again."""

    key: Key


Decision = Admitted | Ready | Grown | Preempted
