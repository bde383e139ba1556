"""Every fault of the catalogue, as a client meets it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import orjson
import pytest
from aiohttp import ClientOSError, ClientPayloadError, ClientSession, ServerDisconnectedError, StreamReader

from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.faults import CATALOGUE, HEALTHY, drawn
from rao_runtime.standin.ledger import Outcome
from rao_runtime.standin.script import Reply, RuleScript
from rao_runtime.standin.server import StandIn
from tests.integration.standin_client import ASKED, CHAT, SAYS, USAGE, standing

# Three chunks, of which a fault in the middle lets two out.
CHUNKED = StandInConfig(chunk_tokens=5)
LET_OUT = SAYS[:40]


@pytest.mark.parametrize("status", [400, 404, 422, 429, 500, 503])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_status_fault_answers_at_once_in_vllms_shape(status: int, stream: bool) -> None:
    async with standing() as (stand_in, client):
        stand_in.fail_next(str(status))
        got, told = await client.ask({"stream": stream})
        healthy, _ = await client.ask()
        assert stand_in.ledger.outcomes()["rejected"] == 1
        assert stand_in.ledger.totals()["prompt_tokens"] == stand_in.ledger.entries[1].prompt_tokens
    assert (got, healthy) == (status, 200)
    assert set(told["error"]) == {"message", "type", "param", "code"}
    assert told["error"]["code"] == status


async def test_an_error_in_a_stream_comes_under_status_200() -> None:
    async with standing(CHUNKED) as (stand_in, client):
        stand_in.fail_next("error_in_stream")
        streamed = await client.stream()
        assert stand_in.ledger.entries[0].outcome is Outcome.ERROR
    assert streamed.status == 200
    assert streamed.done
    assert streamed.text == LET_OUT
    assert streamed.finish_reason is None
    assert streamed.events[-1]["error"]["code"] == 500


async def test_an_error_in_a_stream_is_a_500_where_there_is_no_stream() -> None:
    async with standing() as (stand_in, client):
        stand_in.fail_next("error_in_stream")
        status, told = await client.ask()
    assert (status, told["error"]["type"]) == (500, "InternalServerError")


@pytest.mark.parametrize("stream", [True, False])
async def test_a_close_mid_stream_leaves_a_payload_unfinished(stream: bool) -> None:
    async with standing(CHUNKED) as (stand_in, _):
        stand_in.fail_next("close_mid_stream")
        read = await _read_until_broken(stand_in, {"stream": stream})
        assert stand_in.ledger.entries[0].outcome is Outcome.ERROR
        assert stand_in.ledger.entries[0].completion_tokens == 10
    assert b"chatcmpl-" in read
    assert b'finish_reason":"stop' not in read


async def test_a_close_before_the_first_byte_is_a_disconnect() -> None:
    async with standing() as (stand_in, client):
        stand_in.fail_next("close_before_first")
        with pytest.raises(ServerDisconnectedError):
            await client.stream()
        entry = stand_in.ledger.entries[0]
    assert (entry.outcome, entry.completion_tokens) == (Outcome.ERROR, 0)


@pytest.mark.parametrize(("name", "produced"), [("hang", 0), ("hang_after_headers", 0), ("hang_mid_stream", 10)])
async def test_a_hang_keeps_its_slot_until_the_client_leaves(name: str, produced: int) -> None:
    async with standing(replace(CHUNKED, slots=1)) as (stand_in, client):
        stand_in.fail_next(name)
        hanging = asyncio.create_task(client.stream())
        await stand_in.ledger.until(lambda ledger: ledger.running == 1)
        waiting = asyncio.create_task(client.stream())
        await stand_in.ledger.until(lambda ledger: ledger.waiting == 1)
        hanging.cancel()
        streamed = await waiting
        entry = stand_in.ledger.entries[0]
    assert streamed.text == SAYS
    assert (entry.outcome, entry.completion_tokens, entry.fault) == (Outcome.ABORT, produced, name)


async def test_a_hang_after_headers_has_sent_them_and_a_hang_mid_stream_its_chunks_too() -> None:
    async with standing(CHUNKED) as (stand_in, _), ClientSession(stand_in.url) as session:
        stand_in.fail_next("hang_after_headers", "hang_mid_stream")
        async with session.post(CHAT, json={**ASKED, **USAGE}) as response:
            assert response.status == 200
        async with session.post(CHAT, json={**ASKED, **USAGE}) as response:
            first = await response.content.readany()
    assert SAYS[20:40].encode() in first
    assert b"[DONE]" not in first


async def test_a_whole_answer_that_hangs_in_the_middle_has_sent_half_of_it() -> None:
    async with standing() as (stand_in, _), ClientSession(stand_in.url) as session:
        stand_in.fail_next("hang_mid_stream")
        async with session.post(CHAT, json=ASKED) as response:
            half = await response.content.readany()
    assert half.startswith(b'{"id":"chatcmpl-')
    assert len(half) == int(response.headers["content-length"]) // 2


async def test_slow_is_ten_times_slower_and_otherwise_whole() -> None:
    async with standing(StandInConfig(first_token_s=0.01)) as (stand_in, client):
        stand_in.fail_next("slow")
        streamed = await client.stream()
        entry = stand_in.ledger.entries[0]
    assert streamed.text == SAYS
    assert entry.first_s is not None
    assert entry.first_s - entry.arrived_s >= 0.1


@pytest.mark.parametrize("stream", [True, False])
async def test_garbage_is_no_stream_and_no_json(stream: bool) -> None:
    async with standing() as (stand_in, _), ClientSession(stand_in.url) as session:
        stand_in.fail_next("garbage")
        async with session.post(CHAT, json={**ASKED, "stream": stream}) as response:
            told = await response.read()
    assert response.status == 200
    assert response.content_type == "text/html"
    assert told.startswith(b"<html>")


async def test_truncated_json_ends_a_well_formed_body() -> None:
    async with standing(CHUNKED) as (stand_in, client):
        stand_in.fail_next("truncated_json", "truncated_json")
        streamed = await client.stream()
        with pytest.raises(orjson.JSONDecodeError):
            await client.ask()
    assert not streamed.done
    with pytest.raises(orjson.JSONDecodeError):
        assert streamed.events
    whole, _, broken = streamed.body.removesuffix(b"\n\n").rpartition(b"\n\n")
    assert LET_OUT[20:].encode() in whole
    assert broken.startswith(b'data: {"id"')


async def test_no_usage_is_whole_but_for_the_usage() -> None:
    async with standing() as (stand_in, client):
        stand_in.fail_next("no_usage", "no_usage")
        streamed = await client.stream({"stream_options": {"include_usage": True, "continuous_usage_stats": True}})
        _, told = await client.ask()
        assert stand_in.ledger.totals()["completion_tokens"] == 26
    assert (streamed.text, streamed.finish_reason, streamed.done) == (SAYS, "stop", True)
    assert not any("usage" in event for event in streamed.events)
    assert told["usage"] is None


async def test_empty_is_a_proper_end_without_text() -> None:
    async with standing() as (stand_in, client):
        stand_in.fail_next("empty", "empty")
        streamed = await client.stream({"max_tokens": 2})
        _, told = await client.ask()
    assert (streamed.text, streamed.finish_reason, streamed.done) == ("", "stop", True)
    assert streamed.usage is not None
    assert streamed.usage["completion_tokens"] == 0
    assert told["choices"][0]["message"]["content"] == ""


async def test_faults_fall_in_line_before_the_scripts_and_the_scripts_before_the_drawn() -> None:
    script = RuleScript(lambda request: Reply(text="!", fault="500" if request.turn else None))
    talked = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    async with standing(StandInConfig(faults={"503": 1.0}), script) as (stand_in, client):
        stand_in.fail_next("404", "")
        told: list[Any] = [await client.ask(talked), await client.ask(talked), await client.ask(talked)]
        drawn_one, _ = await client.ask()
    assert [status for status, _ in told] == [404, 200, 500]
    assert drawn_one == 503


async def test_drawn_faults_depend_on_seed_and_request_id_alone() -> None:
    ids = [f"request-{number}" for number in range(40)]
    rates = {"500": 0.3, "503": 0.3}

    async def statuses(seed: int, order: list[str]) -> dict[str, int]:
        async with standing(StandInConfig(seed=seed, faults=rates)) as (_, client):
            return {name: (await client.ask(request_id=name))[0] for name in order}

    first = await statuses(1, ids)
    assert await statuses(1, ids[::-1]) == first
    assert await statuses(2, ids) != first
    assert set(first.values()) == {200, 500, 503}


def test_drawn_faults_come_at_about_their_rates() -> None:
    rates = {"hang": 0.1, "500": 0.2}
    met = [drawn(rates, 0, f"id-{number}") for number in range(5000)]
    assert 0.08 < met.count(CATALOGUE["hang"]) / 5000 < 0.12
    assert 0.17 < met.count(CATALOGUE["500"]) / 5000 < 0.23
    assert 0.67 < met.count(HEALTHY) / 5000 < 0.73


@pytest.mark.parametrize("faults", [{"flood": 0.1}, {"500": 1.5}, {"500": -0.1}, {"500": 0.6, "503": 0.6}])
def test_rates_that_make_no_sense_are_refused(faults: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="faults: "):
        StandInConfig(faults=faults)


async def test_a_fault_of_no_name_in_the_catalogue_is_refused() -> None:
    async with standing() as (stand_in, _):
        with pytest.raises(ValueError, match="flood"):
            stand_in.fail_next("500", "flood")


async def test_a_script_that_asks_for_a_fault_of_no_known_name_gets_a_500_that_tells_the_name() -> None:
    script = RuleScript(lambda _: Reply(text=SAYS, fault="hang_mid_steam"))
    async with standing(script=script) as (stand_in, client):
        status, told = await client.ask()
        assert stand_in.ledger.outcomes()["rejected"] == 1
    assert status == 500
    assert "hang_mid_steam" in told["error"]["message"]


@pytest.mark.parametrize("config", [StandInConfig(slots=1), StandInConfig(slots=1, kv_blocks=4096)])
@pytest.mark.parametrize("text", ["\ud800", cast(str, 7)], ids=["no UTF-8", "no text"])
async def test_an_answer_that_cannot_be_made_cuts_the_connection_and_ends_in_the_ledger(
    config: StandInConfig, text: str
) -> None:
    script = RuleScript(lambda request: Reply(text=text) if request.seed else SAYS)
    async with _failures() as failures, standing(config, script) as (stand_in, client), asyncio.timeout(5):
        with pytest.raises((ServerDisconnectedError, ClientPayloadError, ClientOSError)):
            await client.stream({"seed": 1})
        entry = stand_in.ledger.entries[0]
        assert (entry.outcome, stand_in.ledger.running, stand_in.ledger.waiting) == (Outcome.ERROR, 0, 0)
        assert (await client.stream()).text == SAYS
        assert len(failures) == 1


@asynccontextmanager
async def _failures() -> AsyncGenerator[list[Any]]:
    """What the loop is told of meanwhile, which otherwise would fail the test."""
    loop = asyncio.get_running_loop()
    told: list[Any] = []
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
    try:
        yield told
    finally:
        loop.set_exception_handler(before)


async def _read_until_broken(stand_in: StandIn, fields: dict[str, Any]) -> bytes:
    read = bytearray()
    async with ClientSession(stand_in.url) as session, session.post(CHAT, json={**ASKED, **fields}) as response:
        with pytest.raises(ClientPayloadError):
            await _read_on(response.content, read)
    return bytes(read)


async def _read_on(content: StreamReader, into: bytearray) -> None:
    while not content.at_eof():
        into += await content.read(1)
