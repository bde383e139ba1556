"""How large a step is at each point of training: a warm-up, then a long way down (one cycle, arXiv 1708.07120)."""

import math

WARM_UP = 0.04
LAST = 0.01


def rate(step: int, steps: int) -> float:
    """The factor on the peak learning rate before step number `step` of so many."""
    warm = max(1, round(steps * WARM_UP))
    if step < warm:
        return (step + 1) / warm
    done = (step - warm) / max(1, steps - warm)
    return LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * done))
