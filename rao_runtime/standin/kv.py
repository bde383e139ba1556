"""vLLM's scheduler in small: who is admitted, whose prompt is read next, and who must make room when blocks run out.

No clock and no loop: every event comes with its time, and what follows from it is handed back.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from itertools import islice

from rao_runtime.standin.blocks import Block, BlockPool
from rao_runtime.standin.decisions import Admitted, Decision, Demand, Grown, Key, KvLimits, Preempted, Ready


@dataclass(slots=True)
class _Job:
    """A request under way. `wanted` is the growth it last failed at: without room for that much it is not let in."""

    demand: Demand
    done_tokens: int = 0
    computed: int = 0
    wanted: int = 0
    blocks: list[Block] = field(default_factory=list[Block])
    named: int = 0

    @property
    def target(self) -> int:
        return self.demand.prompt_tokens + self.done_tokens

    @property
    def left(self) -> int:
        return self.target - self.computed


class KvScheduler:
    """The state of one engine.

    As in vLLM, a waiting request never displaces a running one, and the first in the queue holds up those behind it. It
    is let in when its whole prompt would fit. A running request that needs a block takes it from the last in the order.
    Whoever lost its blocks reads its prompt and its completion so far again; what is still cached is not read twice.
    """

    def __init__(self, limits: KvLimits) -> None:
        self._limits = limits
        self._pool = BlockPool(limits.blocks)
        self._jobs: dict[Key, _Job] = {}
        self._waiting: list[Key] = []
        self._running: dict[Key, _Job] = {}
        self._step: dict[Key, int] = {}
        self._step_ends_s: float | None = None
        self._told: list[Decision] = []

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many run, those whose prompt is being read among them."""
        return len(self._running)

    @property
    def used_blocks(self) -> int:
        """How many blocks are held."""
        return self._pool.used

    @property
    def wake_s(self) -> float | None:
        """When `tick` must be called, None if never."""
        return self._step_ends_s

    def resize(self, limits: KvLimits, now_s: float) -> tuple[Decision, ...]:
        """Take other limits. Raises ValueError for other blocks: their number is an engine's for life."""
        if (limits.blocks, limits.block_size) != (self._limits.blocks, self._limits.block_size):
            raise ValueError("blocks and block_size do not change")
        self._advance(now_s)
        self._limits = limits
        return self._settled(now_s)

    def arrive(self, demand: Demand, now_s: float) -> tuple[Decision, ...]:
        """A request has come. It must fit into the cache alone."""
        self._advance(now_s)
        self._jobs[demand.key] = _Job(demand)
        insort(self._waiting, demand.key)
        return self._settled(now_s)

    def grow(self, key: Key, tokens: int, now_s: float) -> tuple[Decision, ...]:
        """A ready request's completion shall have so many tokens. Without `Grown` it has lost its place."""
        self._advance(now_s)
        job = self._running.get(key)
        # The advance may have taken its blocks in this very moment.
        if job is not None and not job.left:
            job.wanted = job.demand.prompt_tokens + tokens
            if self._secure(job, job.wanted):
                job.done_tokens = tokens
                job.computed = job.target
                self._told.append(Grown(key))
        return self._settled(now_s)

    def leave(self, key: Key, now_s: float) -> tuple[Decision, ...]:
        """A request has ended, or its client is gone."""
        self._advance(now_s)
        job = self._jobs.pop(key)
        if key in self._running:
            self._drop(job)
        else:
            del self._waiting[bisect_left(self._waiting, key)]
        return self._settled(now_s)

    def tick(self, now_s: float) -> tuple[Decision, ...]:
        """Time has passed."""
        self._advance(now_s)
        return self._settled(now_s)

    def _settled(self, now_s: float) -> tuple[Decision, ...]:
        if self._step_ends_s is None:
            self._begin_step(now_s)
            self._advance(now_s)
        told, self._told = self._told, []
        return tuple(told)

    def _advance(self, now_s: float) -> None:
        """End all steps that are over by now, each at its own time: a late call does not slow the engine down."""
        while self._step_ends_s is not None and self._step_ends_s <= now_s:
            at_s = self._step_ends_s
            for key, tokens in self._step.items():
                job = self._running[key]
                job.computed += tokens
                if not job.left:
                    self._told.append(Ready(key, at_s))
            self._begin_step(at_s)

    def _begin_step(self, now_s: float) -> None:
        """Share a step's tokens out: to prompts half read, in the order they were let in, then to the queue."""
        self._step = {}
        budget = self._limits.step_tokens
        for key in list(self._running):
            job = self._running.get(key)
            # One before it may have taken its blocks.
            if job is None or not job.left:
                continue
            tokens = min(job.left, budget)
            if not tokens:
                break
            if self._secure(job, job.computed + tokens):
                self._step[key] = tokens
                budget -= tokens
        self._admit(budget)
        total = sum(self._step.values())
        self._step_ends_s = now_s + total / self._limits.tokens_per_s if total else None

    def _admit(self, budget: int) -> None:
        while budget and self._waiting and len(self._running) < self._limits.slots:
            job = self._jobs[self._waiting[0]]
            size = self._limits.block_size
            # The last token is always read anew: the next one comes out of it.
            match = self._pool.match(islice(job.demand.names, (job.target - 1) // size))
            if _blocks(max(job.target, job.wanted), size) - match.live > self._pool.free:
                return
            key = self._waiting.pop(0)
            self._running[key] = job
            job.blocks = list(job.demand.names[: match.hits])
            self._pool.share(job.demand.names[: match.hits])
            job.named = match.hits
            job.computed = match.hits * size
            self._told.append(Admitted(key, job.computed))
            self._step[key] = tokens = min(job.left, budget)
            self._extend(job, job.computed + tokens)
            budget -= tokens

    def _secure(self, job: _Job, tokens: int) -> bool:
        """Give the job blocks for so many tokens, at the cost of the last in the order; False if that is itself."""
        missing = _blocks(tokens, self._limits.block_size) - len(job.blocks)
        while missing > self._pool.free:
            victim = self._running[max(self._running)]
            self._preempt(victim)
            if victim is job:
                return False
        self._extend(job, tokens)
        return True

    def _extend(self, job: _Job, tokens: int) -> None:
        """Take the blocks; those that will be full can be found from now on, as in vLLM before they are computed."""
        for _ in range(len(job.blocks), _blocks(tokens, self._limits.block_size)):
            self._pool.take()
            job.blocks.append(None)
        full = tokens // self._limits.block_size
        for number in range(job.named, full):
            name = job.demand.names[number]
            if self._pool.name(name):
                job.blocks[number] = name
        job.named = max(job.named, full)

    def _preempt(self, job: _Job) -> None:
        self._drop(job)
        insort(self._waiting, job.demand.key)
        self._told.append(Preempted(job.demand.key))

    def _drop(self, job: _Job) -> None:
        del self._running[job.demand.key]
        self._step.pop(job.demand.key, None)
        self._pool.release(job.blocks)
        job.blocks = []
        job.named = job.computed = 0


def _blocks(tokens: int, size: int) -> int:
    return -(-tokens // size)
