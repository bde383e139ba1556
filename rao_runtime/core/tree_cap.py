"""How many trees may be active, as the replicas' KV caches bear it.

Too many trees evict each other's prefixes, and every call computes again what another had computed. How many is too
many no one can know beforehand, so it is found as TCP finds a window: less by a factor on a sign of pressure, more by
steps without one. Fewer than keep all slots busy would lose more than they save, so idle slots let it grow faster.
"""

import math

DECREASE = 0.75
DECREASE_EVERY_S = 5.0
LIFT_AFTER_S = 60.0

FULL_KV = 0.95
FALLEN_HITS = 0.8
HITS_OVER = 60  # evaluations, about a minute
BUSY_SLOTS = 0.9


class TreeCap:
    """A cap that adapts (AIMD), told once a second what all replicas did since the last time; None: no cap.

    There is none until pressure was seen, and none again after a minute in which there was no pressure and room
    was left under it. It never falls below `floor`.
    """

    def __init__(self, *, floor: int = 1) -> None:
        if floor < 1:
            raise ValueError(f"no tree could ever run with a floor of {floor}")
        self._floor = floor
        self._limit: int | None = None
        self._decreased = -math.inf
        self._loose_since: float | None = None
        self._hits = 0.0
        self._hits_seen = 0

    @property
    def limit(self) -> int | None:
        """The most trees that may be active now."""
        return self._limit

    def observe(
        self,
        now: float,
        *,
        active: int,
        preempted: int,
        kv_usage: float | None,
        hit_rate: float | None,
        slots_busy: float,
    ) -> None:
        """Adapt. `active` trees, `preempted` calls since the last time; the others from 0 to 1, None where unknown."""
        fallen = self._has_fallen(hit_rate)
        if preempted > 0 or (fallen and kv_usage is not None and kv_usage >= FULL_KV):
            self._loose_since = None
            self._decrease(now, active)
        elif self._limit is None:
            return
        elif active >= self._limit:
            self._loose_since = None
            self._limit += _growth(active, kv_usage, slots_busy)
        elif self._loose_since is None:
            self._loose_since = now
        elif now - self._loose_since >= LIFT_AFTER_S:
            self._limit = None

    def _decrease(self, now: float, active: int) -> None:
        # By what is active, not by the cap: trees above it end in their own time, and until then the pressure lasts
        # for which it was lowered already.
        if now - self._decreased < DECREASE_EVERY_S:
            return
        lower = max(self._floor, int(DECREASE * active))
        if self._limit is None or lower < self._limit:
            self._limit = lower
            self._decreased = now

    def _has_fallen(self, hit_rate: float | None) -> bool:
        """Whether it lies below its slow average, of which it then becomes a part.

        So a change of the work itself, to prompts that share less, is not held to be pressure for ever.
        """
        if hit_rate is None:
            return False
        fallen = hit_rate < FALLEN_HITS * self._hits
        self._hits_seen = min(self._hits_seen + 1, HITS_OVER)
        self._hits += (hit_rate - self._hits) / self._hits_seen
        return fallen


def _growth(active: int, kv_usage: float | None, slots_busy: float) -> int:
    """One, or the trees that idle slots lack; not more than the KV caches bear if all trees need alike."""
    if slots_busy >= BUSY_SLOTS:
        return 1
    lacking = 1 + math.ceil(active * (BUSY_SLOTS - slots_busy))
    if not kv_usage:
        return lacking
    # Idle slots beside full caches are slots that nothing can fill, and no reason to hurry.
    return max(1, int(min(lacking, active * (FULL_KV / kv_usage - 1.0))))
