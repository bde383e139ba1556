"""One replica as the pool keeps it: its load, its state, and what it last told of itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from rao_runtime.core.breaker import Breaker
from rao_runtime.core.busy_share import BusyShares
from rao_runtime.core.placement import PromptKey, ReplicaLoad
from rao_runtime.core.progress import ProgressWatch
from rao_runtime.engine.lease import Lease
from rao_runtime.ports import Model, ServedModel, Traits, Vitals

NOT_YET = "it has not answered yet"
# So many answers without a cached token, at a replica whose own counters have some, are no chance.
ENOUGH_ANSWERS = 20
UNTOLD = (
    "It has prompts cached and does not tell of it: start vLLM with --enable-prompt-tokens-details,"
    " or cached input is billed in full and placement goes by guess."
)


@dataclass(frozen=True, slots=True)
class Opening:
    """A prompt that the replica read before it got any call, and its tokens where it told them."""

    prompt: PromptKey
    tokens: int | None


class ReplicaState(StrEnum):
    """What a replica is good for now."""

    STARTING = "starting"  # it has never answered
    READY = "ready"
    RESTING = "resting"  # it asked for a pause
    DOWN = "down"
    DRAINING = "draining"  # no new calls; gone after the last one


@dataclass(slots=True, kw_only=True)
class Replica:
    """`down` says why it gets no calls, and is None while it may get some. `served` is None until its first answer.

    `on_trial`: it failed in a way that a mere probe would not notice, and has to answer a call before it is back.
    `opening`: the prompt it was last given by ourselves, of which placement is told once the replica is up.
    `silent_since`: from when on (epoch s) no look at it was answered, while it is down.
    """

    model: Model
    load: ReplicaLoad
    managed: bool = False
    down: str | None = NOT_YET
    on_trial: bool = False
    silent_since: float | None = None
    draining: bool = False
    gone: bool = False
    opening: Opening | None = None
    answered: int = 0
    tells_cached: bool = False
    served: tuple[ServedModel, ...] | None = None
    model_ids: frozenset[str] = frozenset()
    traits: Traits = Traits()
    vitals: Vitals = Vitals()
    breaker: Breaker = field(default_factory=Breaker)
    progress: ProgressWatch = field(default_factory=ProgressWatch)
    shares: BusyShares = field(default_factory=BusyShares)
    leases: dict[int, Lease] = field(default_factory=dict[int, Lease])

    @property
    def index(self) -> int:
        """Its number in this process, never given twice."""
        return self.load.index

    @property
    def id(self) -> str:
        """How the API calls it."""
        return f"r{self.index + 1}"

    @property
    def name(self) -> str:
        """How events and logs call it."""
        return self.model.name

    @property
    def is_open(self) -> bool:
        """Whether it may get calls."""
        return self.load.healthy

    @property
    def missing(self) -> Sequence[str]:
        """What an operator should change at the replica, in whole sentences."""
        silent = self.answered >= ENOUGH_ANSWERS and not self.tells_cached and (self.vitals.prefix_hits or 0) > 0
        return (*self.traits.missing, UNTOLD) if silent else self.traits.missing

    def settle_state(self) -> None:
        """Tell placement whether it may get calls."""
        self.load.healthy = self.down is None and not self.draining and not self.gone

    def state(self, now: float) -> ReplicaState:
        """What it is good for at this time (epoch s)."""
        if self.draining:
            return ReplicaState.DRAINING
        if self.down is not None:
            return ReplicaState.STARTING if self.served is None else ReplicaState.DOWN
        return ReplicaState.RESTING if self.load.busy_until > now else ReplicaState.READY

    def view(self, now: float) -> dict[str, Any]:
        """It as the API shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state(now).value,
            "why": self.down,
            "models": [{"id": served.id, "window": served.window} for served in self.served or ()],
            "slots": self.load.slots,
            "in_flight": self.load.in_flight,
            "version": self.traits.version,
            "kv": {"tokens": self.traits.kv_tokens, "usage": self.vitals.kv_usage},
            "running": self.vitals.running,
            "waiting": self.vitals.waiting,
            "missing": list(self.missing),
            "managed": self.managed,
        }
