"""When a replica that answers its health check has yet stopped working."""

STALLED_S = 10.0


class ProgressWatch:
    """Suspects one replica that has had calls to run and has not moved for `stalled_s`.

    A call that ends has generated a token, so tokens tell of ended calls too. A suspicion is a reason to ask with a
    canary, not to leave the replica: a long prompt may also move nothing for a while.
    """

    def __init__(self, *, stalled_s: float = STALLED_S) -> None:
        self._stalled_s = stalled_s
        self._since: float | None = None
        self._counters: tuple[int | None, int | None] = (None, None)

    def observe(
        self,
        now: float,
        *,
        running: int | None,
        generated_tokens: int | None,
        prompt_tokens: int | None,
        own_in_flight: int,
    ) -> bool:
        """Whether the replica is suspect now; `now` in epoch seconds, the others as `Vitals` tells them.

        Without `generated_tokens` nothing is suspected, as prompt
        tokens stand still while text is written. A counter that falls, after a restart, is one that moved.
        """
        counters = (generated_tokens, prompt_tokens)
        moved = counters != self._counters
        self._counters = counters
        # What hangs before it begins a call tells of none that runs.
        runs = max(running or 0, own_in_flight) > 0
        if not runs or generated_tokens is None:
            self._since = None
            return False
        if moved or self._since is None:
            self._since = now
        return now - self._since >= self._stalled_s

    def reset(self) -> None:
        """Begin anew, after a canary came through or the replica started again."""
        self._since = None
