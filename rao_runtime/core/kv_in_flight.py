"""How much of a replica's KV cache the calls hold that are in flight there.

A replica that is sent more than its cache holds lets the rest wait inside, where our order counts for nothing, or takes
memory from calls that run and has them read all of it again.
"""

from rao_runtime.core.placement import PromptKey

# Blocks that are not full, and what the estimate is wrong by.
USABLE = 0.98

# A completion is expected to be as long as those before it at this replica; in tokens, until there was one.
FIRST_GUESS = 128
GAIN = 0.05


class KvInFlight:
    """Prompts in flight at one replica, in estimated tokens. A prefix that several share is held once.

    `tokens` are theirs, without those of `calls` completions.
    """

    __slots__ = ("_growth", "_users", "calls", "tokens")

    def __init__(self) -> None:
        self._users = dict[int, int]()
        self.calls = 0
        self._growth = float(FIRST_GUESS)
        self.tokens = 0

    def enter(self, prompt: PromptKey) -> None:
        """A call with this prompt is sent."""
        users = self._users
        self.calls += 1
        for chain, size in prompt.segments:
            count = users.get(chain, 0)
            users[chain] = count + 1
            if count == 0:
                self.tokens += size

    def leave(self, prompt: PromptKey, written: float) -> None:
        """It has ended, however it did, and wrote so much; nothing is a call that failed, and tells of no length."""
        users = self._users
        self.calls -= 1
        if written:
            self._growth += GAIN * (written - self._growth)
        for chain, size in prompt.segments:
            users[chain] -= 1
            if users[chain] == 0:
                del users[chain]
                self.tokens -= size

    def fits(self, prompt: PromptKey, kv_tokens: float) -> bool:
        """Whether a cache of so many tokens, estimated too, holds one more; the first always fits."""
        room = kv_tokens * USABLE - self.tokens - self._growth * (self.calls + 1)
        if not self.calls or prompt.tokens <= room:
            return True
        users = self._users
        return sum(size for chain, size in prompt.segments if chain not in users) <= room
