"""Collectors that are slow, away, overrun or choosy, and what comes of spans then."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing

import pytest

from rao_runtime.bootstrap import open_tracing
from rao_runtime.telemetry.span import Span, SpanKind
from rao_runtime.telemetry.tracing import Tracing
from tests.contract.world import world
from tests.integration.otlp_receiver import Receiver, receiver
from tests.integration.raw_server import answer


def spans(count: int, first: int = 0) -> Sequence[Span]:
    return [
        Span(
            trace_id="1" * 32,
            span_id=f"{number + 1:016x}",
            parent_id=None,
            name=f"span {number}",
            kind=SpanKind.INTERNAL,
            start=1.0,
            end=2.0,
            attributes={"number": number},
        )
        for number in range(first, first + count)
    ]


@asynccontextmanager
async def sending(**variables: str) -> AsyncGenerator[tuple[Tracing, Receiver], None]:
    async with receiver() as collector, open_tracing({**collector.environ, **variables}) as tracing:
        yield tracing, collector


def nowhere() -> str:
    """The URL of a port that nobody listens on."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1/traces"


def figures(tracing: Tracing) -> tuple[int, int]:
    return tracing.exported(), tracing.dropped()


async def test_a_tree_of_ten_thousand_nodes_fits_and_arrives_whole() -> None:
    async with sending() as (tracing, collector):
        for first in range(0, 60_000, 100):
            tracing.give(spans(100, first))
        await collector.until(lambda found: len(found.spans) == 60_000)
    assert figures(tracing) == (60_000, 0)
    assert [span.attributes["number"] for span in collector.spans] == list(range(60_000))


@pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
async def test_a_batch_is_compressed_as_asked_and_has_the_headers_asked_for(compression: str) -> None:
    more = {"OTEL_EXPORTER_OTLP_COMPRESSION": compression, "OTEL_EXPORTER_OTLP_HEADERS": "api-key=s%20t"}
    async with sending(**more) as (tracing, collector):
        tracing.give(spans(200))
        await collector.until(lambda found: len(found.spans) == 200)
        (asked,) = collector.asked
    assert asked.line == "POST /v1/traces HTTP/1.1"
    assert asked.headers["api-key"] == "s t"
    assert asked.headers["content-type"] == "application/x-protobuf"
    assert asked.headers.get("content-encoding", "none") == compression
    assert (len(asked.body) < 5_000) is (compression != "none")


@pytest.mark.parametrize("status", ["503 Service Unavailable", "429 Too Many Requests", "502 Bad Gateway"])
async def test_a_collector_that_is_busy_is_asked_again(status: str) -> None:
    async with sending() as (tracing, collector):
        collector.answers = [answer(status, b"", "retry-after: 0")]
        tracing.give(spans(20))
        await collector.until(lambda found: len(found.spans) == 20)
        assert len(collector.asked) == 2
    assert figures(tracing) == (20, 0)


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "500 Internal Server Error"])
async def test_what_a_collector_refuses_is_counted_and_does_not_hold_up_the_rest(
    status: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with sending() as (tracing, collector):
        collector.answers = [answer(status, b"")]
        tracing.give(spans(20))
        await collector.until(lambda found: len(found.asked) == 1)
        tracing.give(spans(5, first=20))
        await collector.until(lambda found: len(found.spans) == 5)
    assert figures(tracing) == (5, 20)
    assert f"20 spans lost, 0 wait: 127.0.0.1 answered {status[:3]}" in caplog.text


async def test_what_a_collector_rejects_of_a_batch_is_counted() -> None:
    async with sending() as (tracing, collector):
        collector.rejects = 3
        tracing.give(spans(20))
        await collector.until(lambda found: len(found.spans) == 20)
    assert figures(tracing) == (17, 3)


async def test_spans_wait_for_a_collector_that_is_away_and_arrive_once_it_is_back() -> None:
    async with receiver() as collector:
        # A listener that is not there yet: the receiver's own port is told only later.
        url = nowhere()
        async with open_tracing({**collector.environ, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": url}) as tracing:
            tracing.give(spans(20))
            port = int(url.split(":")[2].split("/")[0])
            async with await asyncio.start_server(collector.serve, "127.0.0.1", port):
                await collector.until(lambda found: len(found.spans) == 20)
    assert figures(tracing) == (20, 0)


async def test_a_collector_that_does_not_answer_holds_up_neither_trees_nor_the_end() -> None:
    async with receiver() as collector:
        collector.held.clear()
        loop = asyncio.get_running_loop()
        async with world(environ=collector.environ) as gateway:
            trees = [(await gateway.solve("SPLIT", mode="recursive")).json() for _ in range(3)]
            await collector.until_asked()
            tracing = gateway.runtime.tracing
            left_at = loop.time()
        # Two seconds of it would be the flush's alone.
        assert loop.time() - left_at < 5
        assert [tree["status"] for tree in trees] == ["completed"] * 3
        assert tracing.exported() == 0
        assert tracing.dropped() == 3 * 16
        collector.held.set()


async def test_a_queue_that_runs_over_is_counted_and_the_rest_arrives() -> None:
    bounds = {"OTEL_BSP_MAX_QUEUE_SIZE": "50", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "10"}
    async with sending(**bounds) as (tracing, collector):
        collector.held.clear()
        tracing.give(spans(10))
        await collector.until_asked()
        tracing.give(spans(120, first=10))
        assert tracing.dropped() == 70
        collector.held.set()
        await collector.until(lambda found: len(found.spans) == 60)
    assert figures(tracing) == (60, 70)


async def test_what_waits_when_tracing_closes_is_sent_first() -> None:
    async with receiver() as collector:
        async with open_tracing({**collector.environ, "OTEL_BSP_SCHEDULE_DELAY": "3600000"}) as tracing:
            tracing.give(spans(5_000))
        assert len(collector.spans) == 5_000
    assert figures(tracing) == (5_000, 0)


async def test_spans_can_be_printed_instead(capsys: pytest.CaptureFixture[str]) -> None:
    async with open_tracing({"OTEL_TRACES_EXPORTER": "console"}) as tracing:
        tracing.give(spans(2))
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [span["name"] for span in printed] == ["span 0", "span 1"]
    assert figures(tracing) == (2, 0)
