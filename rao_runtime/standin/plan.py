"""What a completion will be, chunk by chunk, worked out before the first byte goes out."""

from dataclasses import dataclass, replace
from math import ceil

from rao_runtime.standin import tokens
from rao_runtime.standin.chance import chance
from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.faults import Fault


@dataclass(frozen=True, slots=True)
class Step:
    """One chunk: what to wait before it, its text, and the completion's tokens up to its end."""

    delay_s: float
    text: str
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A completion. `stop_reason` is the stop string that ended it, where one did."""

    steps: tuple[Step, ...]
    finish_reason: str
    stop_reason: str | None

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(step.text for step in self.steps)

    @property
    def tokens(self) -> int:
        """How many tokens it takes."""
        return self.steps[-1].tokens if self.steps else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """A text after its stop string and cap: what is shown, and what was produced for it."""

    shown: str
    produced_tokens: int
    finish_reason: str
    stop_reason: str | None


def plan(text: str, *, stops: tuple[str, ...], cap: int, request_id: str, config: StandInConfig) -> Plan:
    """The completion of `text` under these stop strings and at most `cap` tokens. Pure: same arguments, same plan."""
    cut = _cut(text, stops, cap, config.chars_per_token)
    pace = config.time_scale
    if config.jitter:
        pace *= 1 + config.jitter * (2 * chance(config.seed, "pace", request_id) - 1)
    steps: list[Step] = []
    done = 0
    pieces = tokens.split(cut.shown, config.chars_per_token, config.chunk_tokens) or [""]
    for number, piece in enumerate(pieces, start=1):
        upto = cut.produced_tokens if number == len(pieces) else number * config.chunk_tokens
        delay_s = config.per_token_s * (upto - done)
        if number == 1:
            delay_s = config.first_token_s + config.per_token_s * max(0, upto - 1)
        steps.append(Step(delay_s * pace, piece, upto))
        done = upto
    return Plan(steps=tuple(steps), finish_reason=cut.finish_reason, stop_reason=cut.stop_reason)


def spoiled(whole: Plan, fault: Fault) -> Plan:
    """The part of the completion that this fault lets out, at its speed."""
    if fault.share == 1 and fault.slowdown == 1:
        return whole
    kept = whole.steps[: ceil(len(whole.steps) * fault.share)]
    steps = tuple(Step(step.delay_s * fault.slowdown, step.text, step.tokens) for step in kept)
    reason = "stop" if not steps else whole.finish_reason
    return replace(whole, steps=steps, finish_reason=reason)


def _cut(text: str, stops: tuple[str, ...], cap: int, chars_per_token: int) -> _Cut:
    """Stop strings are produced and paid for, but not shown."""
    hits = [(at, stop) for stop in stops if (at := text.find(stop)) >= 0]
    at, stop = min(hits) if hits else (len(text), "")
    produced = tokens.count(text[: at + len(stop)], chars_per_token)
    if produced > cap:
        shown = text[: min(at, cap * chars_per_token)]
        return _Cut(shown=shown, produced_tokens=cap, finish_reason="length", stop_reason=None)
    return _Cut(shown=text[:at], produced_tokens=produced, finish_reason="stop", stop_reason=stop or None)
