"""How much of a replica's KV cache the calls hold that are in flight there.

A replica that is sent more than its cache holds lets the rest wait inside, where our order counts for nothing, or takes
memory from calls that run and has them read all of it again.
"""

from rao_runtime.core.placement import PromptKey

# What is left for completions, whose length nobody knows beforehand.
HEADROOM = 0.9


class KvInFlight:
    """Prompts in flight at one replica, in estimated tokens. A prefix that several share is held once."""

    __slots__ = ("_users", "tokens")

    def __init__(self) -> None:
        self._users = dict[int, int]()
        self.tokens = 0

    def enter(self, prompt: PromptKey) -> None:
        """A call with this prompt is sent."""
        users = self._users
        for chain, size in prompt.segments:
            count = users.get(chain, 0)
            users[chain] = count + 1
            if count == 0:
                self.tokens += size

    def leave(self, prompt: PromptKey) -> None:
        """It has ended, however it did."""
        users = self._users
        for chain, size in prompt.segments:
            users[chain] -= 1
            if users[chain] == 0:
                del users[chain]
                self.tokens -= size

    def fits(self, prompt: PromptKey, kv_tokens: float) -> bool:
        """Whether a cache of so many tokens, estimated too, holds one more; the first always fits."""
        room = kv_tokens * HEADROOM - self.tokens
        if not self._users or prompt.tokens <= room:
            return True
        users = self._users
        return sum(size for chain, size in prompt.segments if chain not in users) <= room
