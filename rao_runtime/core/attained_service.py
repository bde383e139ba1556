"""What each tenant has had of the replicas lately: the account that the ready queue is fair by.

Service halves every `half_life_s`. A tenant that comes new has none, and goes before the others until it has had as
much as they still hold. That credit is bounded without any rule for newcomers: a tenant served at `r` tokens/s holds no
more than `r * half_life_s / ln 2`, and while the newcomer is served theirs fades. Beside `k` tenants that shared all
replicas evenly it ends after `half_life_s * log2(1 + 1/k)`, one half-life at most, and tickets that aged go before
its fresh ones all the while. Starting it at the others' level instead would be unjust to a tenant that asks rarely, and
nothing can be saved up that would call for it: an idle tenant's service never falls below none.
"""

import heapq
import math


class AttainedService:
    """Tokens per tenant, fading. A charge costs O(log tenants) amortised, a look O(1); nothing is ever swept.

    All accounts fade alike, so their order stays when nobody is charged. What is kept is a level,
    `log2(service) + charged / half_life_s`: it need not change with time, and cannot overflow as a scaled sum would.
    A service of less than one token counts as one, whether the tenant is still remembered or not: an account that is
    dropped changes no order, and at its next charge has lost less than a token.
    """

    def __init__(self, *, half_life_s: float = 60.0) -> None:
        self._half_life_s = half_life_s
        self._levels = dict[str, float]()
        self._fading = list[tuple[float, str]]()  # a heap; one entry per tenant, its level then or an older one

    def __len__(self) -> int:
        """How many tenants are remembered."""
        return len(self._levels)

    def charge(self, tenant: str, tokens: int, now: float) -> None:
        """Book service; `now` in epoch seconds. Raises ValueError for less than no tokens."""
        if tokens < 0:
            raise ValueError(f"{tenant} cannot be charged {tokens} tokens")
        self._forget(now)
        if tokens == 0:
            return
        added = math.log2(tokens) + now / self._half_life_s
        level = self._levels.get(tenant)
        if level is None:
            heapq.heappush(self._fading, (added, tenant))
            self._levels[tenant] = added
        else:
            high, low = max(level, added), min(level, added)
            self._levels[tenant] = high + math.log2(1.0 + 2.0 ** (low - high))

    def level(self, tenant: str, now: float) -> float:
        """What to compare tenants by at one moment: the lower has had less."""
        return max(self._levels.get(tenant, -math.inf), now / self._half_life_s)

    def tokens(self, tenant: str, now: float) -> float:
        """The service itself in tokens as it has faded, never less than one."""
        return 2.0 ** (self.level(tenant, now) - now / self._half_life_s)

    def _forget(self, now: float) -> None:
        none = now / self._half_life_s
        while self._fading and self._fading[0][0] < none:
            tenant = self._fading[0][1]
            level = self._levels[tenant]
            if level < none:
                heapq.heappop(self._fading)
                del self._levels[tenant]
            else:
                heapq.heapreplace(self._fading, (level, tenant))
