"""How much a turn may write, and whether it must be the last one, given the window and the turns that are left."""

from dataclasses import dataclass

from rao_runtime.core.limits import Reason

MIN_OBSERVATION_TOKENS = 64


@dataclass(frozen=True, slots=True)
class TurnPlan:
    """`max_tokens` for the completion. `last` names what runs out after this turn, `turns` or `window`, else None."""

    max_tokens: int
    last: Reason | None


def plan_turn(*, turn: int, max_turns: int, window: int | None, prompt_tokens: int, wanted: int) -> TurnPlan | Reason:
    """What the turn numbered `turn` (from 0) may do, or why there is no such turn.

    A turn that is not the last leaves room in the window for an observation and one more short turn.
    """
    if turn >= max_turns:
        return Reason.TURNS
    out_of_turns = Reason.TURNS if turn == max_turns - 1 else None
    if window is None:
        return TurnPlan(wanted, out_of_turns)
    room = window - prompt_tokens
    least = least_completion(window, wanted)
    if room < least:
        return Reason.WINDOW
    spare = room - least - MIN_OBSERVATION_TOKENS
    if spare >= least:
        return TurnPlan(min(wanted, spare), out_of_turns)
    return TurnPlan(min(wanted, room), out_of_turns or Reason.WINDOW)


def least_completion(window: int, wanted: int) -> int:
    """The shortest completion worth asking for: enough to write a call of `finish`."""
    return max(1, min(wanted, max(32, window // 8)))


def observation_tokens(*, window: int | None, prompt_tokens: int, wanted: int, cap: int) -> int:
    """How many tokens the next observation may take, at most `cap`, so that a turn still fits after it."""
    if window is None:
        return cap
    room = window - prompt_tokens - least_completion(window, wanted)
    return max(MIN_OBSERVATION_TOKENS, min(cap, room // 2))
