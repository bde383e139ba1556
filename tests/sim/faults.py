"""What can go wrong in a simulated world, drawn from its seed: replicas, clients, and a journal that changes hands."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from rao_runtime.adapters.scripted_steps import Faults
from rao_runtime.core.errors import FailureKind

# Nothing new goes wrong after this; what fails by rate goes on, and is survived by trying again.
LAST_FAULT_S = 120.0

Span = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaPlan:
    """One replica: how fast it is, and what befalls it. Spans are virtual seconds from the start.

    With `kv_tokens` it tells of a KV cache of that size, and of a preemption every so many calls.
    """

    pace_s: float
    rates: Faults
    down: tuple[Span, ...] = ()
    storms: tuple[Span, ...] = ()
    counts_tokens: bool = True
    kv_tokens: int | None = None
    preempts_every: int | None = None


@dataclass(frozen=True, slots=True)
class CancelTree:
    """The client cancels a tree at this time."""

    at: float


@dataclass(frozen=True, slots=True)
class CancelNode:
    """The client cancels one of the nodes the tree has at this time: the `pick`-th, counted round."""

    at: float
    pick: int


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Somebody else claims the tree before this append of its journal; the first is made before it has an owner."""

    append: int


@dataclass(frozen=True, slots=True)
class Kill:
    """The process dies at this append of the tree's owner, before or after the journal has it, and starts again.

    `gently`: it is told to stop, and lets its trees go.
    """

    append: int
    written: bool
    gently: bool = False


Act = CancelTree | CancelNode | TakeOver | Kill


_LATE = (FailureKind.SERVER, FailureKind.BROKEN, FailureKind.TIMEOUT)
_SHARE = 0.1 / (len(FailureKind) + len(_LATE) + 2)
ONE_IN_TEN = Faults(
    early=dict.fromkeys(FailureKind, _SHARE),
    late=dict.fromkeys(_LATE, _SHARE),
    early_hang=_SHARE,
    late_hang=_SHARE,
)


def draw_replica(draw: random.Random) -> ReplicaPlan:
    """A replica; most are sound."""
    return ReplicaPlan(
        pace_s=draw.choice([0.0, 0.05, 0.5, 2.0]),
        rates=_rates(draw),
        down=_spans(draw, 0.15),
        storms=_spans(draw, 0.15),
        counts_tokens=draw.random() >= 0.1,
    )


def draw_acts(draw: random.Random) -> Sequence[Act]:
    """What happens to one tree from outside; nothing to most."""
    acts = list[Act]()
    if draw.random() < 0.15:
        acts.append(CancelTree(_moment(draw)))
    while draw.random() < 0.25:
        acts.append(CancelNode(_moment(draw), draw.randrange(1_000)))
    if draw.random() < 0.1:
        acts.append(TakeOver(draw.choice([2, 3, 5, draw.randrange(2, 40), draw.randrange(2, 200)])))
    return acts


def draw_kills(draw: random.Random) -> Sequence[Kill]:
    """When the process dies over one tree; one that was taken up may be dropped again."""
    kills = list[Kill]()
    while draw.random() < 0.6:
        at = draw.choice([draw.randrange(1, 12), draw.randrange(1, 60), draw.randrange(1, 300)])
        kills.append(Kill(at, written=draw.random() < 0.5, gently=draw.random() < 0.25))
    return kills


def _rates(draw: random.Random) -> Faults:
    if draw.random() < 0.4:
        return Faults()
    top = draw.choice([0.02, 0.1, 0.4])
    return Faults(
        early={kind: draw.random() * top / 3 for kind in FailureKind if draw.random() < 0.6},
        late={kind: draw.random() * top / 3 for kind in _LATE},
        early_hang=draw.random() * top / 5,
        late_hang=draw.random() * top / 5,
    )


def _spans(draw: random.Random, chance: float) -> tuple[Span, ...]:
    spans = list[Span]()
    while draw.random() < chance:
        begin = draw.choice([0.0, _moment(draw)])
        spans.append((begin, min(LAST_FAULT_S, begin + draw.choice([0.5, 5.0, 30.0]))))
    return tuple(spans)


def _moment(draw: random.Random) -> float:
    """Most things happen early, while most is going on; one in three together with what else starts."""
    return draw.choice([0.0, draw.random() * 2, draw.random() * 20, draw.random() * (LAST_FAULT_S - 30)])
