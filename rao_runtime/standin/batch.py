"""The running batch of a replica with a KV cache: what the scheduler decides, done to the requests that wait for it."""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.decisions import Admitted, Decision, Demand, Grown, Key, KvLimits, Preempted, Ready
from rao_runtime.standin.kv import KvScheduler
from rao_runtime.standin.ledger import Entry, Ledger, Outcome
from rao_runtime.standin.metrics import CacheFigures
from rao_runtime.standin.slots import QueueFull


class KvBatch:
    """Who runs, who waits, and the timer of the engine's next step. Books admissions and preemptions on the ledger."""

    def __init__(self, config: StandInConfig, ledger: Ledger) -> None:
        self._limits = _limits(config)
        self._queue_limit = config.queue_limit
        self._ledger = ledger
        self._scheduler = KvScheduler(self._limits)
        self._seats: dict[Key, KvSeat] = {}
        self._arrivals = count()
        self._timer: asyncio.TimerHandle | None = None
        self._wake_s: float | None = None

    def configure(self, config: StandInConfig) -> None:
        """Take these settings; requests that run beyond a smaller number of slots stay."""
        self._limits = _limits(config)
        self._queue_limit = config.queue_limit
        self._obey(self._scheduler.resize(self._limits, time.monotonic()))

    def check_room(self) -> None:
        """Raises QueueFull when slots and queue are full together: who waits for a step to end may yet get a slot."""
        if self._queue_limit is None:
            return
        if self._scheduler.waiting + self._scheduler.running >= self._limits.slots + self._queue_limit:
            raise QueueFull

    def figures(self) -> CacheFigures:
        """What the metrics tell of the cache."""
        return CacheFigures(
            blocks=self._limits.blocks, block_size=self._limits.block_size, used_blocks=self._scheduler.used_blocks
        )

    @asynccontextmanager
    async def hold(self, entry: Entry, names: tuple[bytes, ...]) -> AsyncGenerator["KvSeat"]:
        """A place in the queue and then in the batch, for the block; `names` are those of all blocks it will fill."""
        key = (entry.priority, next(self._arrivals))
        seat = self._seats[key] = KvSeat(key, entry, self)
        self._obey(self._scheduler.arrive(Demand(key, entry.prompt_tokens, names), time.monotonic()))
        try:
            yield seat
        except BaseException as error:
            # Booked before its place is given on, or the ledger would see two in one slot.
            self._ledger.close(entry, Outcome.ABORT if isinstance(error, asyncio.CancelledError) else Outcome.ERROR)
            raise
        finally:
            del self._seats[key]
            self._obey(self._scheduler.leave(key, time.monotonic()))

    def grow(self, key: Key, tokens: int) -> bool:
        """Whether a request got room for so many tokens of completion."""
        told = self._scheduler.grow(key, tokens, time.monotonic())
        self._obey(told)
        return Grown(key) in told

    def _tick(self) -> None:
        self._timer = self._wake_s = None
        self._obey(self._scheduler.tick(time.monotonic()))

    def _obey(self, told: Iterable[Decision]) -> None:
        for decision in told:
            # Who has just left may still be told of in what was due before.
            if (seat := self._seats.get(decision.key)) is not None:
                self._tell(seat, decision)
        self._set_timer()

    def _tell(self, seat: "KvSeat", decision: Decision) -> None:
        match decision:
            case Admitted(_, cached_tokens):
                if seat.entry.admitted_s is None:
                    seat.entry.cached_tokens = cached_tokens
                self._ledger.admit(seat.entry)
            case Preempted():
                self._ledger.preempt(seat.entry)
                seat.lose()
            case Ready(_, at_s):
                seat.make_ready(at_s)
            case Grown():
                seat.keep()

    def _set_timer(self) -> None:
        wake_s = self._scheduler.wake_s if self._seats else None
        if wake_s == self._wake_s:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._wake_s = wake_s
        self._timer = None
        if wake_s is not None:
            delay_s = max(0.0, wake_s - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)


@dataclass(slots=True)
class KvSeat:
    """A request's place, which it may lose to another's growth and get again."""

    key: Key
    entry: Entry
    batch: KvBatch
    _turn: asyncio.Event = field(default_factory=asyncio.Event)
    _ready_s: float = 0.0
    _lost: bool = False

    async def ready(self) -> float:
        """Wait until prompt and completion so far are read; since when they are."""
        while not self._turn.is_set():
            await self._turn.wait()
        self._lost = False
        return self._ready_s

    def grow(self, tokens: int) -> bool:
        """Room for so many tokens; False when the place was lost since `ready`, or is lost now."""
        return not self._lost and self.batch.grow(self.key, tokens)

    def make_ready(self, at_s: float) -> None:
        """The next token can be produced from this time on."""
        self._ready_s = at_s
        self._turn.set()

    def lose(self) -> None:
        """Its blocks are gone."""
        self._lost = True
        self._turn.clear()

    def keep(self) -> None:
        """What it asked for is granted, whatever happened before in the same moment."""
        self._lost = False


def _limits(config: StandInConfig) -> KvLimits:
    return KvLimits(
        blocks=config.kv_blocks or 0,
        block_size=config.block_size,
        slots=config.slots,
        step_tokens=config.prefill_chunk_tokens,
        tokens_per_s=_rate(config),
    )


def _rate(config: StandInConfig) -> float:
    if config.prefill_tokens_per_s is None or config.time_scale == 0:
        return math.inf
    return config.prefill_tokens_per_s / config.time_scale
