"""Which replica takes a call. Knows loads and prompts by their hashes, not replicas themselves."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaLoad:
    """One replica as its pool sees it: own calls in flight, how many it takes, and until when (epoch s) it rests."""

    index: int
    in_flight: int
    slots: int
    busy_until: float = 0.0
    healthy: bool = True

    def has_room(self, now: float) -> bool:
        """Whether it would take one more call now."""
        return self.healthy and self.in_flight < self.slots and self.busy_until <= now


class Segment(NamedTuple):
    """A part of a prompt that prompts share as a whole, e.g. the system prompt or one turn, and its size."""

    hash: str
    tokens: int


@dataclass(frozen=True, slots=True)
class PromptKey:
    """A prompt as the chain of its segments from the start, what a prefix cache matches; empty where nobody asks."""

    segments: tuple[Segment, ...] = ()


class Placement(Protocol):
    """Chooses a replica for one call.

    The score that takes prefixes into account, matched prefix / prompt - beta * (load - mean) / max(1, mean), needs
    what is here and an index of its own of what it has sent where: `choose` is called once per attempt sent, so an
    answer is also a note that the replica will hold this prompt.
    """

    def choose(
        self, replicas: Sequence[ReplicaLoad], prompt: PromptKey, now: float, avoid: Collection[int] = ()
    ) -> int | None:
        """The `index` of the replica to take, or None: wait.

        `avoid` are those that failed this call. They are taken only when no other is healthy: a replica that fails at
        once is always the least loaded, and would draw every retry while the others are merely full.
        """
        ...


class LeastInFlight:
    """The replica with the fewest calls in flight; of several, the one with the lowest index.

    The index breaks ties since it gives the same choice in a replay, needs no memory, and under light load keeps to few
    replicas, whose prefix caches stay warm. It does not pile up: a call in flight lets the next one go elsewhere.
    """

    def choose(
        self,
        replicas: Sequence[ReplicaLoad],
        prompt: PromptKey,  # noqa: ARG002 - of the port; here any prompt goes anywhere
        now: float,
        avoid: Collection[int] = (),
    ) -> int | None:
        """See Placement."""
        open_to_it = candidates(replicas, now, avoid)
        return min(open_to_it, key=lambda replica: (replica.in_flight, replica.index)).index if open_to_it else None


def candidates(replicas: Sequence[ReplicaLoad], now: float, avoid: Collection[int]) -> Sequence[ReplicaLoad]:
    """The replicas a placement may choose from: with room, and not to be avoided while another one is healthy."""
    others = [replica for replica in replicas if replica.healthy and replica.index not in avoid]
    return [replica for replica in (others or replicas) if replica.has_room(now)]
