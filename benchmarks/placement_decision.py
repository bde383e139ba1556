"""How long it takes to choose a replica of 64, as their indexes are full and calls of 40 trees come and go.

Counted is CPU time, all that a decision takes: a busy machine adds to it only by colder caches.
Every node has a system prompt of 12 segments in common with all others, then its tree's and its own: 10 to 60 in all.
"""

import random
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks import command
from benchmarks.figures import Figure, Report, percentile
from rao_runtime.core.affinity import Affinity
from rao_runtime.core.placement import LeastInFlight, Placement, PromptKey, ReplicaLoad, Segment

SLOTS = 32
KV_TOKENS = 200_000
TREES = 40
SEGMENT_TOKENS = 170
BAR_US = 100
SEED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """So many replicas, three quarters of their slots taken; decisions before any is timed, and those timed."""

    replicas: int = 64
    warm_up: int = 12_000
    decisions: int = 6_000

    @property
    def in_flight(self) -> int:
        """Calls under way."""
        return self.replicas * SLOTS * 3 // 4


async def run() -> Report:
    """Affinity, and the fewest calls in flight beside it, with the same prompts."""
    full = Extent()
    affinity, held = choices_us(Affinity(), full)
    least, _ = choices_us(LeastInFlight(), full)
    note = f"{full.replicas} replicas, {full.decisions:,} decisions; fastest {min(affinity):.0f} us"
    cached = f"{held:.0%} of what a prompt has is cached where it goes"
    return Report(
        figures=(
            Figure(name="affinity, p50", value=percentile(affinity, 50), unit="us", bar=BAR_US, note=note),
            Figure(name="affinity, p99", value=percentile(affinity, 99), unit="us", note=cached),
            Figure(name="fewest in flight, p50", value=percentile(least, 50), unit="us"),
            Figure(name="fewest in flight, p99", value=percentile(least, 99), unit="us"),
        ),
        raw={"fastest_us": {"affinity": min(affinity), "least": min(least)}, "cached_share": held},
    )


def choices_us(placement: Placement, extent: Extent) -> tuple[list[float], float]:
    """How long each decision took once all is warm, and the cached share of what was placed.

    Raises RuntimeError where a call finds no room.
    """
    rng = random.Random(SEED)
    replicas = [ReplicaLoad(index=index, slots=SLOTS, kv_tokens=KV_TOKENS) for index in range(extent.replicas)]
    under_way = deque[tuple[int, PromptKey, int]]()
    took_us, asked, cached = list[float](), 0, 0
    prompts = _prompts(rng)
    for number in range(extent.warm_up + extent.decisions):
        while len(under_way) >= extent.in_flight:
            _end(placement, replicas, under_way, rng)
        prompt = next(prompts)
        began_ns = time.thread_time_ns()
        choice = placement.choose(replicas, prompt, 0.0)
        if number >= extent.warm_up:
            took_us.append((time.thread_time_ns() - began_ns) / 1_000)
        if choice is None:
            raise RuntimeError("a call found no room")
        replicas[choice.index].in_flight += 1
        under_way.append((choice.index, prompt, choice.cached_tokens))
        asked, cached = asked + prompt.tokens, cached + choice.cached_tokens
    return took_us, cached / asked


def _end(
    placement: Placement,
    replicas: Sequence[ReplicaLoad],
    under_way: deque[tuple[int, PromptKey, int]],
    rng: random.Random,
) -> None:
    under_way.rotate(rng.randrange(len(under_way)))
    index, prompt, cached_tokens = under_way.pop()
    replicas[index].in_flight -= 1
    placement.observed(index, prompt, cached_tokens, prompt.tokens)
    placement.ended(index, prompt)


def _prompts(rng: random.Random) -> Iterator[PromptKey]:
    """Prompts of nodes that begin and of nodes that go on, of all trees in turns."""
    system = _longer((), 12, rng)
    trees = [_longer(system, rng.randint(4, 16), rng) for _ in range(TREES)]
    nodes = [deque((tree,), maxlen=24) for tree in trees]
    while True:
        for tree, open_nodes in zip(trees, nodes, strict=True):
            before = rng.choice(open_nodes)
            grown = _longer(before if len(before) < 50 else tree, rng.randint(2, 10), rng)
            open_nodes.append(grown)
            yield PromptKey(grown, str(rng.randrange(4)) if before is tree else "")
            if not rng.randrange(400):
                open_nodes.clear()
                open_nodes.append(tree)


def _longer(before: tuple[Segment, ...], more: int, rng: random.Random) -> tuple[Segment, ...]:
    return (*before, *(Segment(rng.getrandbits(63), SEGMENT_TOKENS) for _ in range(more)))


if __name__ == "__main__":
    sys.exit(command.main({"placement_decision": run}))
