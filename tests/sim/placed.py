"""The pool's placement, whose choices and ends are held against each other."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from rao_runtime.core.affinity import Affinity
from rao_runtime.core.kv_in_flight import KvInFlight
from rao_runtime.core.placement import Choice, PromptKey, ReplicaLoad, candidates


class Placed(Affinity):
    """Affinity that tells what calls hold at each replica, and how often one found slots but no room in any KV cache.

    A call that ends twice raises KeyError.
    """

    def __init__(self) -> None:
        super().__init__()
        self.held = defaultdict[int, KvInFlight](KvInFlight)
        self.without_kv = 0

    def choose(
        self,
        replicas: Sequence[ReplicaLoad],
        prompt: PromptKey,
        now: float,
        avoid: Collection[int] = (),
        *,
        patient: bool = False,
    ) -> Choice | None:
        """See Placement."""
        choice = super().choose(replicas, prompt, now, avoid, patient=patient)
        if choice is not None:
            self.held[choice.index].enter(prompt)
        elif not patient and candidates(replicas, now, avoid):
            self.without_kv += 1
        return choice

    def ended(self, index: int, prompt: PromptKey, written: int = 0) -> None:
        """See Placement."""
        self.held[index].leave(prompt, written)
        super().ended(index, prompt, written)
