"""Which replica takes a call. Knows loads and prompts by their hashes, not replicas themselves."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(slots=True, kw_only=True)
class ReplicaLoad:
    """One replica as its pool sees it, kept up to date by it.

    Own calls in flight, how many it takes, until when (epoch s) it rests, whether it may get calls at all, and the size
    of its prefix cache in tokens where that is known.
    """

    index: int
    slots: int
    in_flight: int = 0
    busy_until: float = 0.0
    healthy: bool = True
    kv_tokens: int | None = None

    def has_room(self, now: float) -> bool:
        """Whether it would take one more call now."""
        return self.healthy and self.in_flight < self.slots and self.busy_until <= now


class Segment(NamedTuple):
    """A part of a prompt that prompts share as a whole. `chain` is a hash of it and of all that stands before it."""

    chain: int
    tokens: int


@dataclass(frozen=True, slots=True)
class PromptKey:
    """A prompt as the chain of its segments from the start, what a prefix cache matches; empty where nobody asks.

    `siblings` is the same for all first calls of children that one cell launched, and empty for other calls. Whichever
    replica has read the first `asked` segments has written those up to `written`: the last completion in the prompt.
    """

    segments: tuple[Segment, ...] = ()
    siblings: str = ""
    asked: int = 0
    written: int = 0

    @property
    def tokens(self) -> int:
        """Tokens of the whole prompt, estimated."""
        return sum([segment.tokens for segment in self.segments])


@dataclass(frozen=True, slots=True)
class Choice:
    """A replica by its `index`, and how many tokens of the prompt it is expected to have cached."""

    index: int
    cached_tokens: int = 0


class Placement(Protocol):
    """Chooses a replica for each call.

    `choose` is called once per attempt sent, so an answer is also a note that the replica will hold this prompt.
    """

    def choose(
        self,
        replicas: Sequence[ReplicaLoad],
        prompt: PromptKey,
        now: float,
        avoid: Collection[int] = (),
        *,
        patient: bool = False,
    ) -> Choice | None:
        """The replica to take, or None: wait.

        `avoid` are those that failed this call. They are taken only when no other is healthy: a replica that fails at
        once is always the least loaded, and would draw every retry while the others are merely full.

        A `patient` call also waits where a replica without room suits it much better than those with room. Who asks
        looks further down the queue for a call that suits these, and when there is none, asks the first one again
        without patience, so that no slot stands idle.
        """
        ...

    def observed(
        self, index: int, prompt: PromptKey, cached_tokens: int | None, prompt_tokens: int | None = None
    ) -> None:
        """Learn how much of a prompt a replica says it had cached, once it has answered; None where it does not tell.

        `prompt_tokens` is the whole prompt as the replica counted it, so that estimates can be held against it.
        """
        ...

    def has_read(
        self, index: int, prompt: PromptKey, prompt_tokens: int | None = None, kv_tokens: int | None = None
    ) -> None:
        """A replica has read a prompt for which nobody asked for a place; it counted so many tokens, where it tells.

        `kv_tokens` is the size of its cache, where that is known.
        """
        ...

    def ended(self, index: int, prompt: PromptKey, written: int = 0) -> None:
        """A call that was placed there is over, however it went, and wrote so many tokens; once for every choice."""
        ...

    def forget(self, index: int) -> None:
        """The replica has started anew, or is gone: it holds nothing."""
        ...


class Unlearning:
    """The part of a Placement that knows nothing of what replicas hold."""

    def observed(
        self, index: int, prompt: PromptKey, cached_tokens: int | None, prompt_tokens: int | None = None
    ) -> None:
        """See Placement; nothing is learned."""

    def has_read(
        self, index: int, prompt: PromptKey, prompt_tokens: int | None = None, kv_tokens: int | None = None
    ) -> None:
        """See Placement; nothing is learned."""

    def ended(self, index: int, prompt: PromptKey, written: int = 0) -> None:
        """See Placement; the pool counts."""

    def forget(self, index: int) -> None:
        """See Placement; nothing is known."""


class LeastInFlight(Unlearning):
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
        *,
        patient: bool = False,  # noqa: ARG002 - of the port; here every replica suits
    ) -> Choice | None:
        """See Placement."""
        open_to_it = candidates(replicas, now, avoid)
        if not open_to_it:
            return None
        return Choice(min(open_to_it, key=lambda replica: (replica.in_flight, replica.index)).index)


def candidates(replicas: Sequence[ReplicaLoad], now: float, avoid: Collection[int]) -> Sequence[ReplicaLoad]:
    """The replicas a placement may choose from: with room, and not to be avoided while another one is healthy."""
    others = [replica for replica in replicas if replica.healthy and replica.index not in avoid] if avoid else ()
    return [replica for replica in (others or replicas) if replica.has_room(now)]
