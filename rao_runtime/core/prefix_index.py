"""What each replica is believed to hold of the prompts it was sent.

A replica keeps prefixes until it needs the space, and drops first what was unused for longest, from the ends of chains.
So does this, for every replica apart, over the names of segments. A prompt counts from the moment it is sent: vLLM
registers its blocks when it lets the request in, and siblings behind it find them there while it is still being read.

All is held in estimated tokens, the unit of prompts. Answers tell how many real ones that is: of a segment, since the
first answer about a prompt that has it; of others, by the replica's ratio of late.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rao_runtime.core.placement import PromptKey, Segment

# What a replica that does not tell its size is taken to hold: about what a small model leaves free on a small device.
DEFAULT_KV_TOKENS = 131_072

# The least a segment counts, vLLM's block: it bounds how many segments are kept.
LEAST_TOKENS = 16

# By how much a replica may fall short of what was expected before that is news: blocks and estimates are both coarse.
SLACK_TOKENS = 64
SLACK_SHARE = 0.1

# How quickly the ratio of real to estimated tokens follows what is seen, and how far it is believed at all.
RATE_GAIN = 0.125
RATE_BOUNDS = (0.25, 4.0)


@dataclass(slots=True)
class _Held:
    """One replica: its bit in the map; segments with their tokens, the first to go first; what prompts expect of it.

    `rate` is real tokens per estimated token.
    """

    bit: int
    kv_tokens: int = DEFAULT_KV_TOKENS
    rate: float = 1.0
    tokens: int = 0
    chains: OrderedDict[int, int] = field(default_factory=OrderedDict[int, int])
    expected: dict[int, int] = field(default_factory=dict[int, int])  # by a prompt's last segment


class PrefixIndex:
    """Which replica holds how much of a prompt. Matching is one walk along the prompt for all replicas together."""

    def __init__(self, default_kv_tokens: int = DEFAULT_KV_TOKENS) -> None:
        self._default_kv_tokens = default_kv_tokens
        self._replicas = dict[int, _Held]()
        self._by_bit = dict[int, int]()  # bit -> replica
        self._holders = dict[int, int]()  # segment -> bits of those that hold it
        self._counted = dict[int, float]()  # segment -> real tokens up to its end, as a replica counted them

    def matched(self, prompt: PromptKey) -> dict[int, int]:
        """Estimated tokens of the prompt's start that each replica holds; those that hold nothing are left out."""
        found = dict[int, int]()
        alive, tokens = sum(self._by_bit), 0
        for segments, certain in _parts(prompt):
            for chain, size in segments:
                holders = alive if certain else alive & self._holders.get(chain, 0)
                if holders != alive:
                    if tokens:
                        self._tell(alive & ~holders, tokens, found)
                    alive = holders
                    if not alive:
                        return found
                tokens += size
        if tokens:
            self._tell(alive, tokens, found)
        return found

    def _tell(self, bits: int, tokens: int, found: dict[int, int]) -> None:
        while bits:
            bit = bits & -bits
            found[self._by_bit[bit]] = tokens
            bits ^= bit

    def sent(self, index: int, prompt: PromptKey, expected: int, kv_tokens: int | None = None) -> None:
        """The prompt goes to this replica, which is expected to hold so much of it, and has a cache of that size."""
        held = self._replicas.get(index)
        if held is None:
            held = self._added(index)
        held.kv_tokens = self._default_kv_tokens if kv_tokens is None else kv_tokens
        self._touch(held, prompt.segments)
        # The end of a prompt larger than the cache is gone again, and with it whatever would take the note away.
        if prompt.segments and prompt.segments[-1].chain in held.chains:
            held.expected[prompt.segments[-1].chain] = expected

    def observed(
        self, index: int, prompt: PromptKey, cached_tokens: int | None, prompt_tokens: int | None = None
    ) -> None:
        """Learn what a replica had cached of a prompt, which it has read and holds since. Both are in real tokens.

        None is a replica that does not tell what it had: what was expected of it is neither borne out nor refuted.
        Where that was less than expected, it has dropped more than was believed: as much as is missing goes, from what
        was unused for longest. Gone for good is only that: the missing part itself was read again for this prompt.
        """
        held = self._replicas.get(index)
        if held is None or not prompt.segments:
            return
        if prompt_tokens:
            seen = prompt_tokens / max(1, prompt.tokens)
            held.rate += RATE_GAIN * (_believed(seen) - held.rate)
            cached_tokens = None if cached_tokens is None else round(cached_tokens / seen)
        self._touch(held, prompt.segments)
        if prompt_tokens:
            self._count(prompt, prompt_tokens)
        expected = held.expected.pop(prompt.segments[-1].chain, 0)
        if cached_tokens is None:
            return
        missing = expected - cached_tokens
        if missing > SLACK_TOKENS + SLACK_SHARE * expected:
            self._shrink(held, held.tokens - missing, keep=len(prompt.segments))

    def forget(self, index: int) -> None:
        """The replica holds nothing, or is gone."""
        held = self._replicas.pop(index, None)
        if held is not None:
            self._shrink(held, 0)
            del self._by_bit[held.bit]

    def tokens(self, index: int) -> int:
        """Estimated tokens a replica is believed to hold."""
        return self._replicas[index].tokens if index in self._replicas else 0

    def real(self, index: int, prompt: PromptKey, matched: int) -> int:
        """How many real tokens it is that a replica matched of a prompt, in estimated ones."""
        if not matched:
            return 0
        segments, end, beyond = prompt.segments, len(prompt.segments), prompt.tokens - matched
        while beyond > 0:
            end -= 1
            beyond -= segments[end].tokens
        known, real = self._last_counted(segments, end)
        return round(real + self.rate(index) * sum([segment.tokens for segment in segments[known:end]]))

    def rate(self, index: int) -> float:
        """Real tokens per estimated token, as this replica counts; 1 where nothing is known."""
        return self._replicas[index].rate if index in self._replicas else 1.0

    def __len__(self) -> int:
        """Segments known."""
        return len(self._holders)

    def _added(self, index: int) -> _Held:
        # Bits of those that are gone are used again, so that they stay small while replicas come and go.
        bit = 1
        while bit in self._by_bit:
            bit <<= 1
        self._by_bit[bit] = index
        held = self._replicas[index] = _Held(bit)
        return held

    def _count(self, prompt: PromptKey, prompt_tokens: int) -> None:
        """Share out what a replica counted of a whole prompt to those segments that were in none before it."""
        segments = prompt.segments
        known, real = self._last_counted(segments, len(segments))
        estimated = sum([segment.tokens for segment in segments[known:]])
        if not estimated:
            return
        rate = _believed((prompt_tokens - real) / estimated)
        for chain, size in segments[known:]:
            real += size * rate
            # The end of a prompt larger than the cache is gone again, and nothing would take its count away.
            if chain in self._holders:
                self._counted[chain] = real

    def _last_counted(self, segments: Sequence[Segment], end: int) -> tuple[int, float]:
        """How many of the first `end` segments have been counted, and their real tokens."""
        for known in range(end, 0, -1):
            real = self._counted.get(segments[known - 1].chain)
            if real is not None:
                return known, real
        return 0, 0.0

    def _touch(self, held: _Held, segments: Sequence[Segment]) -> None:
        chains, holders, bit = held.chains, self._holders, held.bit
        # From the end: a prefix is used later than all that stands on it, and so goes later.
        for chain, size in reversed(segments):
            if chain in chains:
                chains.move_to_end(chain)
            else:
                counted = max(size, LEAST_TOKENS)
                chains[chain] = counted
                held.tokens += counted
                holders[chain] = holders.get(chain, 0) | bit
        capacity = int(held.kv_tokens / held.rate)
        if held.tokens > capacity:
            self._shrink(held, capacity)

    def _shrink(self, held: _Held, tokens: int, keep: int = 0) -> None:
        chains, holders = held.chains, self._holders
        while held.tokens > tokens and len(chains) > keep:
            chain, size = chains.popitem(last=False)
            held.tokens -= size
            held.expected.pop(chain, None)
            left = holders[chain] ^ held.bit
            if left:
                holders[chain] = left
            else:
                del holders[chain]
                self._counted.pop(chain, None)


def _believed(rate: float) -> float:
    return min(max(rate, RATE_BOUNDS[0]), RATE_BOUNDS[1])


def _parts(prompt: PromptKey) -> Iterator[tuple[Sequence[Segment], bool]]:
    """The prompt in order, and whether who holds what comes before holds that as well: it wrote it."""
    if not prompt.asked:
        yield prompt.segments, False
        return
    yield prompt.segments[: prompt.asked], False
    yield prompt.segments[prompt.asked : prompt.written], True
    yield prompt.segments[prompt.written :], False
