"""Tokens: what one call used, and what a node or tree used in sum."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens of one attempt as a replica counts them; `input` includes `cached`."""

    input: int = 0
    cached: int = 0
    output: int = 0

    @property
    def total(self) -> int:
        """Input and output together."""
        return self.input + self.output


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A sum over attempts. Totals include `wasted_tokens`, those of attempts that gave no result.

    `calls` counts attempts that reached a replica; `estimated` is true once any part was not the replica's own count.
    """

    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    wasted_tokens: int = 0
    estimated: bool = False

    @classmethod
    def of(cls, tokens: Tokens, *, wasted: bool = False, estimated: bool = False) -> Self:
        """The usage of one attempt."""
        return cls(
            calls=1,
            input_tokens=tokens.input,
            cached_tokens=tokens.cached,
            output_tokens=tokens.output,
            wasted_tokens=tokens.total if wasted else 0,
            estimated=estimated,
        )

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            wasted_tokens=self.wasted_tokens + other.wasted_tokens,
            estimated=self.estimated or other.estimated,
        )

    @property
    def counted(self) -> Tokens | None:
        """The tokens of one attempt as its replica counted them; None where they are an estimate."""
        if self.estimated:
            return None
        return Tokens(input=self.input_tokens, cached=self.cached_tokens, output=self.output_tokens)

    @property
    def total_tokens(self) -> int:
        """Input and output together, the figure `max_tokens` limits."""
        return self.input_tokens + self.output_tokens

    def as_dict(self) -> dict[str, int | bool]:
        """The wire form of api.md."""
        return {
            "calls": self.calls,
            "input_tokens": self.input_tokens,
            "cached_tokens": self.cached_tokens,
            "output_tokens": self.output_tokens,
            "wasted_tokens": self.wasted_tokens,
            "estimated": self.estimated,
        }
