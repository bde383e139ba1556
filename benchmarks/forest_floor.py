"""What no placement and no order can beat: the least a forest takes on replicas of a given speed and size."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean

from benchmarks.forests import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """So many replicas, all alike, and how fast each is; seconds are simulated ones."""

    replicas: int = 4
    slots: int = 32
    prefill_tokens_per_s: float = 20_000.0
    per_token_s: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Seconds that mean tree time and makespan cannot get under."""

    mean_s: float
    makespan_s: float


def floor(roots: Iterable[Node], engines: Engines) -> Floor:
    """The largest of four bounds: the longest chain of calls, slots, reading each node's own text once, room for it.

    What n trees need of a resource keeps it busy for so long, whatever comes first; so the mean end is no earlier than
    if the trees had the whole resource one after the other, those that need least first.
    """
    trees = list(roots)
    paths_s = [_path_s(root, engines) for root in trees]
    shares_s = [[_shares_s(node, engines) for node in root.nodes] for root in trees]
    # Per resource the seconds that each tree would keep all replicas busy.
    needs_s = [[sum(node[resource] for node in tree) for tree in shares_s] for resource in range(3)]
    return Floor(
        mean_s=max(fmean(paths_s), *(fmean(accumulate(sorted(need_s))) for need_s in needs_s)),
        makespan_s=max(*paths_s, *(sum(need_s) for need_s in needs_s)),
    )


def _writing_s(turns: Sequence[int], engines: Engines) -> float:
    return sum(tokens - 1 for tokens in turns) * engines.per_token_s


def _reading_s(node: Node, engines: Engines) -> float:
    return node.scenario.own_tokens / engines.prefill_tokens_per_s


def _path_s(node: Node, engines: Engines) -> float:
    below_s = max((_path_s(child, engines) for child in node.children), default=0.0)
    return _reading_s(node, engines) + _writing_s(node.turns, engines) + below_s


def _shares_s(node: Node, engines: Engines) -> tuple[float, float, float]:
    """Of all slots, of all reading, of all room: an own text is in the cache as long as its node writes."""
    writing_s = _writing_s(node.turns, engines)
    return (
        writing_s / (engines.replicas * engines.slots),
        _reading_s(node, engines) / engines.replicas,
        writing_s * node.scenario.own_tokens / (engines.replicas * node.scenario.kv_tokens),
    )
