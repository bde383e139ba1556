"""Books the calls that the pool makes for itself: to the tenant `system`, some at a time."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from rao_runtime.core.errors import JournalUnavailable
from rao_runtime.core.ledger import (
    DEFAULT_PROJECT,
    SYSTEM_TENANT,
    CallOutcome,
    LedgerEntry,
    Purpose,
    Row,
    UsageSource,
)
from rao_runtime.core.pricing import GpuPrice, in_pico
from rao_runtime.core.profile import Profile
from rao_runtime.core.usage import Tokens
from rao_runtime.ports import Clock, Ledger, ModelRequest

log = logging.getLogger(__name__)

EVERY_S = 10.0
LAST_WRITE_S = 1.0
# Replicas that come and go all the time while the store is away are no reason to fill the memory.
KEPT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UpkeepCall:
    """A call that the pool made for itself; `tokens` is None where the replica did not count."""

    purpose: Purpose
    request: ModelRequest
    tokens: Tokens | None
    finished: bool
    took_s: float


class UpkeepBooks:
    """`profile_for` tells what is known of a model, its prices too."""

    def __init__(self, ledger: Ledger, clock: Clock, profile_for: Callable[[str], Profile]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._profile_for = profile_for
        self._waiting = list[LedgerEntry]()
        self._lost = 0

    def note(self, call: UpkeepCall) -> None:
        """Keep a call until it is booked. Never waits."""
        if len(self._waiting) == KEPT:
            self._lost += 1
        else:
            self._waiting.append(self._entry(call))

    async def keep(self) -> None:
        """Book what has come together every so often, until cancelled; then what is left, if that takes no time."""
        try:
            while True:
                await self._clock.sleep(EVERY_S)
                await self._flush()
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WRITE_S):
                    await self._flush()

    async def _flush(self) -> None:
        batch = tuple(self._waiting)
        if not batch:
            return
        try:
            await self._ledger.book_upkeep(batch)
        except JournalUnavailable as error:
            log.warning("%d calls of the pool's own are not booked yet: %s", len(batch), error)
            return
        except Exception:
            # Whatever is wrong with them, it must not keep those from the books that come later.
            log.exception("%d calls of the pool's own could not be booked", len(batch))
        del self._waiting[: len(batch)]
        if self._lost:
            log.warning("%d calls of the pool's own were not booked: the store was away for too long", self._lost)
            self._lost = 0

    def _entry(self, call: UpkeepCall) -> LedgerEntry:
        request, now = call.request, self._clock.now()
        profile = self._profile_for(request.model)
        price = profile.price_at(now)
        tokens = call.tokens or Tokens(
            input=sum(
                profile.estimated_tokens(len(message.content.encode("utf-8", "replace")))
                for message in request.messages
            ),
            output=request.max_tokens if call.finished else 0,
        )
        # Nothing tells what else the replica did meanwhile: it counts as having worked on this alone.
        gpu_s = price.gpu_s(call.took_s) if isinstance(price, GpuPrice) else None
        return LedgerEntry(
            at=round(now, 1),
            row=Row(
                tenant=SYSTEM_TENANT,
                project=DEFAULT_PROJECT,
                model=request.model,
                price_version=None if price is None else price.version,
                purpose=call.purpose.value,
                outcome=(CallOutcome.COMPLETED if call.finished else CallOutcome.FAILED).value,
                source=(UsageSource.ESTIMATED if call.tokens is None else UsageSource.REPORTED).value,
            ),
            tree_id=None,
            node_id=None,
            call_id=request.request_id,
            attempt=1,
            tokens=tokens,
            amount=None if price is None else in_pico(price.cost(tokens, gpu_s or 0.0)),
            gpu_s=gpu_s,
        )
