"""When a replica process that has ended is started again."""

from dataclasses import dataclass

from rao_runtime.core.backoff import backoff_s


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """Waits from `base_s` that grow by `factor` up to `max_s`; a run of `steady_s` starts them over."""

    base_s: float = 1.0
    factor: float = 2.0
    max_s: float = 60.0
    steady_s: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """Start it again in `after_s`; `short_runs` of its runs in a row have now ended before they were steady."""

    after_s: float
    short_runs: int


def after_end(policy: RestartPolicy, short_runs: int, *, ran_s: float, u: float) -> Restart:
    """What follows from the end of a run of `ran_s` seconds, before which `short_runs` in a row were short.

    It is always started again: what keeps it from running may be mended without anybody telling us. `u` in [0, 1)
    spreads the starts of replicas that ended together: between half and all of the wait.
    """
    short = 0 if ran_s >= policy.steady_s else short_runs + 1
    after_s = backoff_s(short, base_s=policy.base_s, factor=policy.factor, max_s=policy.max_s, u=u)
    return Restart(after_s=after_s, short_runs=short)
