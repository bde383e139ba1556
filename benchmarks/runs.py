"""How often trees are run that are compared: one of the same size to warm up, then the median of three by CPU."""

from collections.abc import Callable, Sequence
from typing import TypeVar

RUNS = 3

Cost = TypeVar("Cost")


def median(costs: Sequence[Cost], cpu_s: Callable[[Cost], float]) -> Cost:
    """The one in the middle of those that were measured."""
    return sorted(costs, key=cpu_s)[len(costs) // 2]
