"""Which of a machine's GPUs each of several replicas may use."""

from collections.abc import Sequence


def shares(devices: Sequence[str], replicas: int, *, wanted: int = 1) -> tuple[tuple[str, ...], ...]:
    """An equal group of neighbouring devices for each replica, of `wanted` at least; none at all leaves it to vLLM.

    With too few devices for that, replicas take turns on the groups there are. With one or none there is no choice.
    """
    if len(devices) < 2:
        return ((),) * replicas
    size = min(len(devices), max(1, wanted, len(devices) // max(1, replicas)))
    groups = [tuple(devices[at : at + size]) for at in range(0, len(devices) - size + 1, size)]
    return tuple(groups[each % len(groups)] for each in range(replicas))


def visible_devices(variable: str | None, found: int) -> tuple[str, ...]:
    """The devices that CUDA_VISIBLE_DEVICES names, or all `found` by their numbers where it is not set."""
    if variable is None:
        return tuple(str(number) for number in range(found))
    named = tuple(name.strip() for name in variable.split(","))
    # CUDA sees those before the first that is none; "-1" and "" are the usual ways to hide all.
    end = next((at for at, name in enumerate(named) if name in {"", "-1"}), len(named))
    return named[:end]
