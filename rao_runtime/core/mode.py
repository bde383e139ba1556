"""When to recurse: whether a task's nodes may launch children, and the numbers behind the choice."""

import math
from dataclasses import dataclass

from rao_runtime.core.task import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeDecision:
    """The mode asked for, the one in effect (never `auto`), and what `auto` compares: tokens needed and the window.

    The tokens needed are those of goal and context, and the expected output's.
    `window` is None where no replica told it.
    """

    requested: Mode
    effective: Mode
    needed_tokens: int
    expected_output_tokens: int
    window: int | None
    fraction: float

    def as_dict(self) -> dict[str, str | int | float | None]:
        """As journaled with the tree's start; `requested` and `effective` are those of api.md."""
        return {
            "requested": self.requested.value,
            "effective": self.effective.value,
            "needed_tokens": self.needed_tokens,
            "expected_output_tokens": self.expected_output_tokens,
            "window": self.window,
            "auto_fraction": self.fraction,
        }


def decide(
    mode: Mode,
    *,
    goal_tokens: int,
    context_tokens: int,
    expected_output_tokens: int,
    window: int | None,
    auto_fraction: float,
) -> ModeDecision:
    """`auto` is flat while goal, context and expected output fit `auto_fraction` of the window, else recursive.

    An unknown window counts as too small: a recursive node may still solve the task alone, a flat one cannot split it.
    """
    needed = goal_tokens + context_tokens + expected_output_tokens
    effective = mode
    if mode is Mode.AUTO:
        fits = window is not None and needed <= window * auto_fraction
        effective = Mode.FLAT if fits else Mode.RECURSIVE
    return ModeDecision(
        requested=mode,
        effective=effective,
        needed_tokens=needed,
        expected_output_tokens=expected_output_tokens,
        window=window,
        fraction=auto_fraction,
    )


def estimate_tokens(text: str | int, bytes_per_token: float) -> int:
    """About how many tokens a text has, given as itself or as its length in bytes of UTF-8; rounded up.

    It is an upper estimate as long as `bytes_per_token` is the profile's low one.
    """
    size = text if isinstance(text, int) else len(text.encode("utf-8", "surrogatepass"))
    return math.ceil(size / bytes_per_token)
