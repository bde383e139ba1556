"""Placement by what a replica has cached of a prompt, against how busy it is.

score = cached share of the prompt - beta x (calls in flight - mean) / max(1, mean), over the replicas with room.

A replica has room for what its slots and its KV cache hold; one without is released at once. A warm one with room is
not, however many tokens it has still to read: in simulated forests of trees over four replicas of 256 slots, leaving it
at a lead of 20,000, 40,000 or 80,000 such tokens made trees slower each time, since a cold prompt delays all others
where it goes; with 32 slots it made no difference.
"""

import math
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence

from rao_runtime.core.kv_in_flight import KvInFlight
from rao_runtime.core.placement import Choice, PromptKey, ReplicaLoad, candidates
from rao_runtime.core.prefix_index import DEFAULT_KV_TOKENS, PrefixIndex

# What load weighs: less piles calls up on the warm replicas, twice as much gains nothing more.
BETA = 0.5

# A replica that siblings spill to gets so many of them, so that the prefix it must read serves more than one.
TOGETHER = 2

# Siblings fill a warm replica up to this many times the mean load. At the plain mean most of them would go cold.
FAIR_SHARE = 1.5

# A patient call leaves a slot to others when a replica without room has this much more of its prompt.
WORTH_WAITING = 0.2

# How many bursts of siblings are remembered. One is over within seconds; if forgotten early, its spill goes singly.
BURSTS = 1024


class Affinity:
    """The replica with the best score; of several, the one with the lowest index. Deterministic.

    A prompt of which nothing is known goes to the replica with the fewest calls in flight. Where the warm replica has
    no room and the caller is not patient, the prompt goes cold rather than wait: a slot that stands idle helps nobody.
    """

    def __init__(self, *, beta: float = BETA, default_kv_tokens: int = DEFAULT_KV_TOKENS) -> None:
        self._beta = beta
        self._index = PrefixIndex(default_kv_tokens)
        self._in_flight = dict[int, KvInFlight]()
        self._bursts = OrderedDict[str, tuple[int, int]]()  # the replica of the last sibling, how many in a row

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
        open_to_it = candidates(replicas, now, avoid)
        if not open_to_it:
            return None
        tokens = prompt.tokens
        matched = self._index.matched(prompt) if tokens else {}
        replica = self._partner(prompt.siblings, open_to_it) or self._best(prompt.siblings, open_to_it, matched, tokens)
        while not self._fits(replica, prompt):
            open_to_it = [other for other in open_to_it if other is not replica]
            if not open_to_it:
                return None
            replica = self._best(prompt.siblings, open_to_it, matched, tokens)
        cached = matched.get(replica.index, 0)
        if patient and _warmest_closed(replicas, open_to_it, matched, avoid) - cached > WORTH_WAITING * tokens:
            return None
        self._index.sent(replica.index, prompt, cached, replica.kv_tokens)
        self._in_flight.setdefault(replica.index, KvInFlight()).enter(prompt)
        if prompt.siblings:
            self._count(prompt.siblings, replica.index)
        return Choice(replica.index, self._index.real(replica.index, prompt, cached))

    def has_read(
        self, index: int, prompt: PromptKey, prompt_tokens: int | None = None, kv_tokens: int | None = None
    ) -> None:
        """See Placement."""
        self._index.sent(index, prompt, 0, kv_tokens)
        self._index.observed(index, prompt, None, prompt_tokens)

    def observed(
        self, index: int, prompt: PromptKey, cached_tokens: int | None, prompt_tokens: int | None = None
    ) -> None:
        """See Placement."""
        self._index.observed(index, prompt, cached_tokens, prompt_tokens)

    def ended(self, index: int, prompt: PromptKey, written: int = 0) -> None:
        """See Placement."""
        self._in_flight[index].leave(prompt, written / self._index.rate(index))

    def forget(self, index: int) -> None:
        """See Placement."""
        self._index.forget(index)
        if index in self._in_flight and not self._in_flight[index].calls:
            del self._in_flight[index]

    def _fits(self, replica: ReplicaLoad, prompt: PromptKey) -> bool:
        held = self._in_flight.get(replica.index)
        if held is None or replica.kv_tokens is None:
            return True
        return held.fits(prompt, replica.kv_tokens / self._index.rate(replica.index))

    def _best(
        self, siblings: str, open_to_it: Sequence[ReplicaLoad], matched: Mapping[int, int], tokens: int
    ) -> ReplicaLoad:
        mean = sum([replica.in_flight for replica in open_to_it]) / len(open_to_it)
        if siblings:
            fair = max(TOGETHER, FAIR_SHARE * mean)
            open_to_it = [replica for replica in open_to_it if replica.in_flight < fair] or open_to_it
        a_call = self._beta / max(1.0, mean)
        a_token = 1 / max(1, tokens)
        best, best_score = open_to_it[0], -math.inf
        for replica in open_to_it:
            score = matched.get(replica.index, 0) * a_token - replica.in_flight * a_call
            if score > best_score or (score == best_score and replica.index < best.index):
                best, best_score = replica, score
        return best

    def _partner(self, siblings: str, open_to_it: Sequence[ReplicaLoad]) -> ReplicaLoad | None:
        """Where the sibling before went, while that one still is alone there."""
        index, together = self._bursts.get(siblings, (0, TOGETHER))
        if together >= TOGETHER:
            return None
        return next((replica for replica in open_to_it if replica.index == index), None)

    def _count(self, siblings: str, index: int) -> None:
        before, together = self._bursts.pop(siblings, (index, 0))
        self._bursts[siblings] = (index, together + 1 if before == index else 1)
        if len(self._bursts) > BURSTS:
            self._bursts.popitem(last=False)


def _warmest_closed(
    replicas: Sequence[ReplicaLoad],
    open_to_it: Sequence[ReplicaLoad],
    matched: Mapping[int, int],
    avoid: Collection[int],
) -> int:
    """Tokens of the prompt cached where it may go, but not now."""
    open_now = {replica.index for replica in open_to_it}
    return max(
        (
            matched.get(replica.index, 0)
            for replica in replicas
            if replica.healthy and replica.index not in avoid and replica.index not in open_now
        ),
        default=0,
    )
