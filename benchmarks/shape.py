"""Trees whose nodes are counted beforehand, and the least time they can take."""

from dataclasses import dataclass
from itertools import accumulate
from math import ceil
from operator import mul

TURNS = 2


@dataclass(frozen=True, slots=True)
class Shape:
    """A tree of so many children on each level under the root; every node takes two turns, so two calls."""

    fanout: tuple[int, ...]

    @property
    def goal(self) -> str:
        """The goal that makes it, as the stand-in's tree script reads it."""
        return " ".join(["tree", *map(str, self.fanout)])

    @property
    def levels(self) -> tuple[int, ...]:
        """Nodes on each level, the root's first."""
        return tuple(accumulate(self.fanout, mul, initial=1))

    @property
    def nodes(self) -> int:
        """Nodes in all."""
        return sum(self.levels)

    @property
    def calls(self) -> int:
        """Calls in all."""
        return self.nodes * TURNS

    def critical_path_s(self, latency_s: float) -> float:
        """The longest chain of calls that need each other: down to a leaf with first turns, up again with last ones."""
        return TURNS * len(self.levels) * latency_s

    def work_bound_s(self, latency_s: float, slots: int) -> float:
        """What the slots need for all calls, if none is ever idle."""
        return self.calls * latency_s / slots

    def plain_bound_s(self, latency_s: float, slots: int) -> float:
        """The larger of the two: no schedule is faster, but none may come near it."""
        return max(self.critical_path_s(latency_s), self.work_bound_s(latency_s, slots))

    def bound_s(self, latency_s: float, slots: int) -> float:
        """The larger of the two on every level, for calls that all take as long.

        Nothing on level `l` or below can start before `l` first turns above it, and `l` last turns must follow when all
        of it has ended. In between the slots have to do its calls, each slot a whole number of them.
        """
        return latency_s * max(
            TURNS * len(self.levels),
            *(TURNS * level + ceil(TURNS * sum(self.levels[level:]) / slots) for level in range(len(self.levels))),
        )


LARGE = Shape((10, 10, 10))
SMALL = Shape((10, 10))
