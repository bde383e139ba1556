"""Gets spans to whoever collects them: a bounded queue, and a thread that empties it.

The SDK's BatchSpanProcessor drops the oldest span of a full queue and a batch that fails without a count that can be
read, and waits up to 30 s for its thread when it is shut down (read in 1.45.2). Here every span given is either
delivered or counted as dropped. Spans are encoded as they are given: as bytes they take a fifth of the memory, mean
nothing to the garbage collector, and the thread is left with work that does not hold the interpreter's lock for long.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rao_runtime.telemetry.span import Span

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 15.0
TOLD_EVERY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much waits and for how long. A queue of 65,536 holds a tree of 10,000 nodes; a batch goes when it is full, or
    when `delay_s` have passed. It is tried for `retry_s`, after pauses that grow from `pause_s`; `flush_s` is all the
    time there is at the end.
    """

    queue_spans: int = 65_536
    queue_bytes: int = 256 << 20
    batch_spans: int = 2_048
    batch_bytes: int = 4 << 20
    delay_s: float = 1.0
    retry_s: float = 300.0
    pause_s: float = 0.5
    flush_s: float = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a batch: `failure` says why it was not taken, and `again` whether it is worth another try.

    `rejected` counts spans of a batch that was taken without them. `after_s`: when to try again, where the other side
    says so.
    """

    failure: str | None = None
    again: bool = False
    after_s: float = 0.0
    rejected: int = 0


class Destination(Protocol):
    """Where spans go. Called on the exporter's thread, `encode` aside."""

    def encode(self, span: Span) -> bytes:
        """The span as part of a batch. Called by whoever gives it."""
        ...

    def deliver(self, batch: Sequence[bytes], *, within_s: float) -> Delivery:
        """Send a batch. Does not raise."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class Exporter:
    """Takes spans from any thread, whatever the other side does; `exported` and `dropped` count them all."""

    def __init__(self, destination: Destination, bounds: Bounds) -> None:
        self.exported = 0
        self.dropped = 0
        self._destination = destination
        self._bounds = bounds
        self._queue = deque[bytes]()
        self._queued_bytes = 0
        self._under_way = 0
        self._changed = threading.Condition()
        self._ends_at: float | None = None
        self._complaints = _Complaints()
        self._thread = threading.Thread(target=self._run, name="spans", daemon=True)
        self._thread.start()

    def give(self, spans: Sequence[Span]) -> None:
        """Have these spans exported. Never waits for the other side; what does not fit is counted as dropped."""
        encoded = [found for span in spans if (found := self._encoded(span)) is not None]
        with self._changed:
            was_empty = not self._queue
            for each in encoded:
                self._put(each)
            self.dropped += len(spans) - len(encoded)
            if was_empty or len(self._queue) >= self._bounds.batch_spans:
                self._changed.notify()

    async def aclose(self) -> None:
        """Send what waits, for `flush_s` at most; what is left then is counted as dropped."""
        with self._changed:
            self._ends_at = time.monotonic() + self._bounds.flush_s
            self._changed.notify()
        await asyncio.to_thread(self._thread.join, self._bounds.flush_s)
        with self._changed:
            # What is still under way may arrive after all; it is better counted as lost than not at all.
            self._drop(len(self._queue) + self._under_way, "the process ends")
            self._queue.clear()
            self._under_way = 0
        self._complaints.tell(self.dropped, last=True)

    def _encoded(self, span: Span) -> bytes | None:
        try:
            return self._destination.encode(span)
        except Exception:
            # A span that is made wrong must not hold up the tree that it tells of.
            log.exception("span %s cannot be encoded", span.name)
            return None

    def _put(self, encoded: bytes) -> None:
        bounds = self._bounds
        full = len(self._queue) >= bounds.queue_spans or self._queued_bytes + len(encoded) > bounds.queue_bytes
        if self._ends_at is not None:
            self._drop(1, "the process ends")
        elif full:
            self._drop(1, "the queue is full")
        else:
            self._queue.append(encoded)
            self._queued_bytes += len(encoded)

    def _drop(self, spans: int, why: str) -> None:
        self.dropped += spans
        if spans:
            self._complaints.why = why

    # --- the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while batch := self._next():
            delivery = self._delivered(batch)
            with self._changed:
                counts, self._under_way = self._under_way, 0
                lost = counts if delivery.failure is not None else min(delivery.rejected, counts)
                self.exported += counts - lost
                self._drop(lost, delivery.failure or "the collector rejected some of a batch")
            self._complaints.tell(self.dropped)
        self._destination.close()

    def _next(self) -> list[bytes]:
        """The next batch, as soon as it is full or its time has come; empty once there will be none any more."""
        bounds = self._bounds
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._ends_at is not None)
            self._changed.wait_for(
                lambda: len(self._queue) >= bounds.batch_spans or self._ends_at is not None, timeout=bounds.delay_s
            )
            batch, size = list[bytes](), 0
            while self._queue and len(batch) < bounds.batch_spans:
                size += len(self._queue[0])
                if batch and size > bounds.batch_bytes:
                    break
                batch.append(self._queue.popleft())
                self._queued_bytes -= len(batch[-1])
            self._under_way = len(batch)
            return batch

    def _delivered(self, batch: Sequence[bytes]) -> Delivery:
        """What became of the batch in the end: it is tried again while that makes sense and there is time."""
        until, pause_s = time.monotonic() + self._bounds.retry_s, self._bounds.pause_s
        while True:
            delivery = self._tried(batch)
            if delivery.failure is None or not delivery.again:
                return delivery
            self._complaints.why = delivery.failure
            self._complaints.tell(self.dropped, waiting=len(batch) + len(self._queue))
            wait_s = max(pause_s, delivery.after_s)
            if time.monotonic() + wait_s > until or self._is_ending(wait_s):
                return delivery
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _tried(self, batch: Sequence[bytes]) -> Delivery:
        try:
            return self._destination.deliver(batch, within_s=self._left_s())
        except Exception as error:
            # The thread must go on, or nothing would ever be sent again.
            log.exception("a batch of spans could not be sent")
            return Delivery(failure=f"{type(error).__name__}: {error}")

    def _left_s(self) -> float:
        return float("inf") if self._ends_at is None else max(0.0, self._ends_at - time.monotonic())

    def _is_ending(self, wait_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._ends_at is not None, timeout=wait_s)


class _Complaints:
    """Says at most once a minute that spans wait or are lost, and why."""

    def __init__(self) -> None:
        self.why = ""
        self._told = 0
        self._silent_until = 0.0

    def tell(self, dropped: int, *, waiting: int = 0, last: bool = False) -> None:
        """Say so, if there is something new to say."""
        lost = dropped - self._told
        if not (lost or waiting) or (time.monotonic() < self._silent_until and not last):
            return
        self._told, self._silent_until = dropped, time.monotonic() + TOLD_EVERY_S
        log.warning("traces: %d spans lost, %d wait: %s", lost, waiting, self.why)
