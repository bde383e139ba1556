"""What a scripted replica can do, step by step, and the faults that strike it. Knows neither clock nor loop."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rao_runtime.core.errors import FailureKind


@dataclass(frozen=True, slots=True)
class Wait:
    """Let time pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Say:
    """Write some text."""

    text: str


@dataclass(frozen=True, slots=True)
class Fail:
    """Fail the attempt. `said` is the replica's message, where that matters."""

    kind: FailureKind
    status: int | None = None
    retry_after_s: float | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Hang:
    """Write nothing more, until the caller's patience ends."""


@dataclass(frozen=True, slots=True)
class End:
    """Finish for this reason. A script that just stops ends with `stop`."""

    reason: str = "stop"


Step = Wait | Say | Fail | Hang | End


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault to come: before the first text, or (`late`) after some of it."""

    step: Fail | Hang
    late: bool

    def into(self, steps: Sequence[Step]) -> Sequence[Step]:
        """The script with this fault in it. One that says nothing is struck at its end."""
        first = next((at for at, step in enumerate(steps) if isinstance(step, Say)), len(steps))
        before = [*steps[:first]]
        if self.late and first < len(steps):
            said = steps[first]
            before += [Say(said.text[: len(said.text) // 2 + 1])] if isinstance(said, Say) else []
        return [*before, self.step]


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Rates, 0 to 1, of what goes wrong, drawn once an attempt."""

    early: Mapping[FailureKind, float] = field(default_factory=dict[FailureKind, float])
    late: Mapping[FailureKind, float] = field(default_factory=dict[FailureKind, float])
    early_hang: float = 0.0
    late_hang: float = 0.0

    def draw(self, rng: random.Random) -> Strike | None:
        """What strikes one attempt, if anything does."""
        roll = rng.random()
        for strike, rate in self._all():
            if roll < rate:
                return strike
            roll -= rate
        return None

    def _all(self) -> Sequence[tuple[Strike, float]]:
        return [
            *((Strike(Fail(kind), late=False), rate) for kind, rate in self.early.items()),
            *((Strike(Fail(kind), late=True), rate) for kind, rate in self.late.items()),
            (Strike(Hang(), late=False), self.early_hang),
            (Strike(Hang(), late=True), self.late_hang),
        ]
