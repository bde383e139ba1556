"""The queue between those who make spans and whoever takes them: nothing is lost without being counted."""

import asyncio
import logging
import threading
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.telemetry.export import Bounds, Delivery, Exporter
from rao_runtime.telemetry.span import Span, SpanKind

QUICK = Bounds(queue_spans=100, batch_spans=10, delay_s=0.001, retry_s=0.02, pause_s=0.001, flush_s=5.0)
TAKEN, BUSY, REFUSED = Delivery(), Delivery(failure="busy", again=True), Delivery(failure="refused")


def span(name: str) -> Span:
    return Span(
        trace_id="1" * 32,
        span_id="2" * 16,
        parent_id=None,
        name=name,
        kind=SpanKind.INTERNAL,
        start=1.0,
        end=2.0,
        attributes={},
    )


def spans(count: int) -> list[Span]:
    return [span(str(number)) for number in range(count)]


class Scripted:
    """Answers as told, then takes everything; while `open` is cleared it keeps a batch waiting."""

    def __init__(self, answers: Sequence[Delivery] = ()) -> None:
        self.batches = list[list[str]]()
        self.open, self.asked = threading.Event(), threading.Event()
        self.open.set()
        self.closed = False
        self._answers: Iterator[Delivery] = iter(answers)

    @property
    def names(self) -> list[str]:
        return [name for batch in self.batches for name in batch]

    def encode(self, span: Span) -> bytes:
        if span.name == "bad":
            raise ValueError("this one cannot be written")
        return span.name.encode()

    def deliver(self, batch: Sequence[bytes], *, within_s: float) -> Delivery:
        self.asked.set()
        self.open.wait(min(within_s, 10.0))
        answer = next(self._answers, TAKEN)
        if answer.failure is None:
            self.batches.append([each.decode() for each in batch])
        return answer

    def close(self) -> None:
        self.closed = True


def held(*answers: Delivery) -> Scripted:
    destination = Scripted(answers)
    destination.open.clear()
    return destination


async def test_spans_arrive_in_order_and_in_batches() -> None:
    destination = Scripted()
    exporter = Exporter(destination, QUICK)
    exporter.give(spans(7))
    exporter.give(spans(35)[7:])
    await exporter.aclose()
    assert destination.names == [str(number) for number in range(35)]
    assert max(map(len, destination.batches)) <= 10
    assert (exporter.exported, exporter.dropped, destination.closed) == (35, 0, True)


async def test_what_waits_at_the_end_is_sent() -> None:
    destination = Scripted()
    exporter = Exporter(destination, Bounds(delay_s=3600.0))
    exporter.give(spans(3))
    await exporter.aclose()
    assert destination.names == ["0", "1", "2"]


async def test_a_batch_goes_before_its_time_once_it_is_full() -> None:
    destination = Scripted()
    exporter = Exporter(destination, Bounds(delay_s=3600.0, batch_spans=5))
    exporter.give(spans(5))
    assert await asyncio.to_thread(destination.asked.wait, 10)
    await exporter.aclose()


async def test_a_batch_has_no_more_bytes_than_it_may() -> None:
    destination = Scripted()
    exporter = Exporter(destination, Bounds(delay_s=0.001, batch_bytes=10))
    exporter.give([span("x" * 6), span("y" * 6), span("z" * 20), span("a"), span("b")])
    await exporter.aclose()
    assert [list(map(len, batch)) for batch in destination.batches] == [[6], [6], [20], [1, 1]]


async def test_a_full_queue_refuses_and_counts_and_the_one_who_gives_does_not_wait() -> None:
    destination = held()
    exporter = Exporter(destination, QUICK)
    exporter.give(spans(10))
    assert await asyncio.to_thread(destination.asked.wait, 10)
    exporter.give(spans(130))
    assert exporter.dropped == 30
    destination.open.set()
    await exporter.aclose()
    assert (exporter.exported, exporter.dropped, len(destination.names)) == (110, 30, 110)


async def test_a_queue_is_bounded_in_bytes_too() -> None:
    destination = held()
    exporter = Exporter(destination, Bounds(queue_bytes=1_000, delay_s=3600.0, flush_s=0.1))
    exporter.give([span("x" * 300)] * 5)
    assert exporter.dropped == 2
    destination.open.set()
    await exporter.aclose()
    assert exporter.exported == 3


async def test_an_end_that_nobody_answers_is_over_in_time_and_what_is_left_is_counted() -> None:
    destination = held()
    exporter = Exporter(destination, Bounds(delay_s=0.001, batch_spans=10, flush_s=0.2))
    exporter.give(spans(40))
    assert await asyncio.to_thread(destination.asked.wait, 10)
    async with asyncio.timeout(5):
        await exporter.aclose()
    exporter.give(spans(2))
    assert exporter.exported + exporter.dropped == 42
    assert exporter.dropped >= 2
    destination.open.set()


async def test_a_span_that_cannot_be_written_is_counted_and_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    destination = Scripted()
    exporter = Exporter(destination, QUICK)
    exporter.give([span("a"), span("bad"), span("b")])
    await exporter.aclose()
    assert (destination.names, exporter.exported, exporter.dropped) == (["a", "b"], 2, 1)
    assert "span bad cannot be encoded" in caplog.text


async def test_spans_that_the_other_side_rejects_are_counted() -> None:
    destination = Scripted([Delivery(rejected=4)])
    exporter = Exporter(destination, QUICK)
    exporter.give(spans(10))
    await exporter.aclose()
    assert (exporter.exported, exporter.dropped) == (6, 4)


async def test_losses_are_told_once_a_minute_and_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    destination = Scripted([REFUSED] * 3)
    exporter = Exporter(destination, QUICK)
    with caplog.at_level(logging.WARNING):
        exporter.give(spans(30))
        await exporter.aclose()
    assert exporter.dropped == 30
    told = [record.getMessage() for record in caplog.records]
    assert 1 <= len(told) <= 2
    assert sum(int(line.split()[1]) for line in told) == 30
    assert all("refused" in line for line in told)


@given(
    st.lists(st.sampled_from([TAKEN, BUSY, REFUSED, Delivery(rejected=3)]), max_size=12),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_every_span_is_delivered_or_counted_as_dropped(answers: Sequence[Delivery], given: Sequence[int]) -> None:
    destination = Scripted(answers)

    async def run() -> Exporter:
        exporter = Exporter(destination, QUICK)
        for count in given:
            exporter.give(spans(count))
            await asyncio.to_thread(int)
        await exporter.aclose()
        return exporter

    exporter = asyncio.run(run())
    assert exporter.exported + exporter.dropped == sum(given)
    assert 0 <= len(destination.names) - exporter.exported <= 3 * len(answers)
