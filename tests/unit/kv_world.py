"""A KV scheduler in virtual time, with callers that produce chunk by chunk, and a second opinion on what it decides."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count

from rao_runtime.standin.decisions import Admitted, Decision, Demand, Grown, Key, KvLimits, Preempted, Ready
from rao_runtime.standin.kv import KvScheduler


def names_of(tokens: Sequence[int], block_size: int) -> tuple[bytes, ...]:
    """The names of the full blocks of these tokens."""
    ends = range(block_size, len(tokens) + 1, block_size)
    return tuple(blake2b(repr(list(tokens[:end])).encode(), digest_size=8).digest() for end in ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a caller will do: come with a prompt, produce chunks of a text, and perhaps leave before the end."""

    prompt: tuple[int, ...]
    text: tuple[int, ...] = ()
    priority: int = 0
    arrives_s: float = 0.0
    leaves_s: float | None = None
    chunk: int = 3
    chunk_s: float = 0.1


@dataclass(slots=True)
class Caller:
    """One under way. `epoch` goes up whenever its place is lost: what was due before is not due any more."""

    plan: Plan
    key: Key
    names: tuple[bytes, ...]
    produced: list[int] = field(default_factory=list[int])
    cached: int | None = None
    ready_s: list[float] = field(default_factory=list[float])
    preemptions: int = 0
    epoch: int = 0
    ended_s: float | None = None
    left: bool = False


class World:
    """Runs callers to their ends. Every decision is checked at once; `callers` tell how it went."""

    def __init__(self, limits: KvLimits, plans: Sequence[Plan]) -> None:
        self.limits = limits
        self.scheduler = KvScheduler(limits)
        self.callers = [
            Caller(plan, (plan.priority, number), names_of((*plan.prompt, *plan.text), limits.block_size))
            for number, plan in enumerate(plans)
        ]
        self.admitted: list[Key] = []
        self._by_key = {caller.key: caller for caller in self.callers}
        self._waiting: set[Key] = set()
        self._running: set[Key] = set()
        self._filled: set[bytes] = set()
        self._events: list[tuple[float, int, str, Key, int]] = []
        self._order = count()

    def run(self, *, max_events: int = 20_000) -> None:
        """Until nobody is there any more. Fails where that takes suspiciously long."""
        for caller in self.callers:
            self._at(caller.plan.arrives_s, "arrive", caller)
            if caller.plan.leaves_s is not None:
                self._at(caller.plan.leaves_s, "leave", caller)
        for _ in range(max_events):
            now_s = min((s for s in (self.scheduler.wake_s, self._next_s()) if s is not None), default=None)
            if now_s is None:
                return
            self._obey(self.scheduler.tick(now_s), now_s)
            if self._events and self._events[0][0] <= now_s:
                _, _, what, key, epoch = heapq.heappop(self._events)
                self._happen(what, self._by_key[key], epoch, now_s)
            self._check()
        raise AssertionError("it does not come to an end")

    def _next_s(self) -> float | None:
        return self._events[0][0] if self._events else None

    def _at(self, at_s: float, what: str, caller: Caller) -> None:
        heapq.heappush(self._events, (at_s, next(self._order), what, caller.key, caller.epoch))

    def _happen(self, what: str, caller: Caller, epoch: int, now_s: float) -> None:
        key = caller.key
        if what == "arrive" and not caller.left:
            self._waiting.add(key)
            self._obey(self.scheduler.arrive(Demand(key, len(caller.plan.prompt), caller.names), now_s), now_s)
        elif what == "leave" and caller.ended_s is None:
            caller.left = True
            if key in self._waiting | self._running:
                self._end(caller, now_s)
        elif what == "produce" and epoch == caller.epoch and caller.ended_s is None:
            self._produce(caller, now_s)

    def _produce(self, caller: Caller, now_s: float) -> None:
        text = caller.plan.text
        upto = min(len(caller.produced) + caller.plan.chunk, len(text))
        if upto == len(caller.produced):
            self._end(caller, now_s)
            return
        told = self.scheduler.grow(caller.key, upto, now_s)
        if Grown(caller.key) in told:
            caller.produced.extend(text[len(caller.produced) : upto])
            self._fill(caller)
            self._at(now_s + caller.plan.chunk_s, "produce", caller)
        self._obey(told, now_s)

    def _end(self, caller: Caller, now_s: float) -> None:
        caller.ended_s = now_s
        self._waiting.discard(caller.key)
        self._running.discard(caller.key)
        self._obey(self.scheduler.leave(caller.key, now_s), now_s)

    def _obey(self, told: Sequence[Decision], now_s: float) -> None:
        for decision in told:
            caller = self._by_key[decision.key]
            match decision:
                case Admitted(key, cached_tokens):
                    assert key == min(self._waiting), "somebody jumped the queue"
                    self._check_hits(caller, cached_tokens)
                    self._waiting.remove(key)
                    self._running.add(key)
                    self.admitted.append(key)
                    self._fill(caller)
                case Preempted(key):
                    assert key == max(self._running), "the wrong one had to go"
                    self._running.remove(key)
                    self._waiting.add(key)
                    caller.preemptions += 1
                    caller.epoch += 1
                case Ready(key, at_s):
                    assert key in self._running
                    caller.ready_s.append(at_s)
                    self._at(max(at_s + caller.plan.chunk_s, now_s), "produce", caller)
                case Grown(key):
                    assert key == caller.key

    def _check_hits(self, caller: Caller, cached_tokens: int) -> None:
        size = self.limits.block_size
        target = len(caller.plan.prompt) + len(caller.produced)
        hits = cached_tokens // size
        assert cached_tokens % size == 0
        assert cached_tokens < target
        assert self._filled.issuperset(caller.names[:hits]), "a hit on what nobody ever computed"
        if caller.cached is None:
            caller.cached = cached_tokens

    def _fill(self, caller: Caller) -> None:
        full = (len(caller.plan.prompt) + len(caller.produced)) // self.limits.block_size
        self._filled.update(caller.names[:full])

    def _check(self) -> None:
        assert 0 <= self.scheduler.used_blocks <= self.limits.blocks
        assert len(self._running) <= self.limits.slots
        assert (self.scheduler.waiting, self.scheduler.running) == (len(self._waiting), len(self._running))
