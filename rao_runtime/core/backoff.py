"""How long to wait before something is tried again."""


def backoff_s(failures: int, *, base_s: float, factor: float, max_s: float, u: float) -> float:
    """Seconds after so many failures in a row: from `base_s` on, growing by `factor` up to `max_s`.

    `u` in [0, 1) spreads those that failed together: between half and all of the wait, so never at once.
    """
    wait_s = base_s
    for _ in range(failures - 1):
        if wait_s >= max_s:
            break
        wait_s *= factor
    return min(max_s, wait_s) * (0.5 + u / 2)
