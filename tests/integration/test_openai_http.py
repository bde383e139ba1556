"""The HTTP adapter against servers that answer with exact bytes: what it asks, what it understands, how it lets go."""

import asyncio
from contextlib import aclosing

import pytest

from rao_runtime.adapters.openai_http import OpenAiReplica
from rao_runtime.adapters.openai_reading import Patience
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.usage import Tokens
from rao_runtime.ports import Finished, ModelRequest, ServedModel, TextDelta
from tests.integration.openai_client import HELLO, SHORT, ask, failure, replica_at, request, text_of
from tests.integration.raw_server import (
    DONE,
    UNTIL_CLOSED,
    answer,
    chunk,
    chunked,
    raw_server,
    usage_chunk,
)


async def test_a_completion_is_text_and_then_its_end() -> None:
    events = [chunk("Hello", usage=(5, 1)), chunk(" you", finish="stop"), usage_chunk(5, 2, cached=4), DONE]
    async with raw_server(chunked(*events)) as server:
        items = await ask(server)
    assert text_of(items) == "Hello you"
    assert items[-1] == Finished("stop", Tokens(input=5, cached=4, output=2))
    assert sum(isinstance(item, Finished) for item in items) == 1


async def test_the_request_carries_all_that_was_asked() -> None:
    async with raw_server(HELLO) as server:
        await ask(server, request(stop=("</python>",), priority=-3, options={"top_k": 5, "model": "not this"}))
    asked = server.asked[0]
    assert asked.line == "POST /v1/chat/completions HTTP/1.1"
    assert asked.json == {
        "top_k": 5,
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "max_tokens": 64,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
        "stop": ["</python>"],
        "priority": -3,
        "cache_salt": "tenant",
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
    }
    assert asked.headers["x-request-id"] == "n1-t0-a1"
    assert asked.headers["traceparent"] == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["host"] == server.url.removeprefix("http://")
    assert "authorization" not in asked.headers


async def test_a_server_that_is_no_vllm_is_spared_its_fields() -> None:
    async with raw_server(HELLO) as server, replica_at(server.url, vllm_fields=False) as replica:
        async for _ in replica.stream(request(priority=2)):
            pass
    body = server.asked[0].json
    assert body.keys().isdisjoint({"priority", "cache_salt"})
    assert body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
async def test_the_base_url_may_end_in_v1_or_not(suffix: str) -> None:
    async with raw_server(HELLO) as server, replica_at(server.url + suffix, api_key="sk-1") as replica:
        async for _ in replica.stream(request()):
            pass
        assert replica.name == server.url
    assert server.asked[0].line.split()[1] == "/v1/chat/completions"
    assert server.asked[0].headers["authorization"] == "Bearer sk-1"


async def test_text_that_is_no_utf8_reaches_the_model_mended() -> None:
    async with raw_server(HELLO) as server:
        await ask(server, request(content="a\ud800b é"))
    assert server.asked[0].json["messages"][1]["content"] == "a?b é"


async def test_options_that_are_not_json_are_rejected_without_a_call() -> None:
    async with raw_server(HELLO) as server:
        with pytest.raises(ModelError) as failed:
            await ask(server, request(options={"x": object()}))
    assert failed.value.kind is FailureKind.REJECTED
    assert server.connections == 0


async def test_a_traceparent_that_is_none_is_left_out() -> None:
    asked = ModelRequest(request_id="r", model="m", messages=(), max_tokens=1, traceparent="x\r\nevil: 1")
    async with raw_server(HELLO) as server:
        await ask(server, asked)
    assert server.asked[0].headers.keys().isdisjoint({"traceparent", "evil"})


# --- Patience --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pieces",
    [b"", UNTIL_CLOSED, UNTIL_CLOSED + chunk("", role="assistant"), UNTIL_CLOSED + b": ping\n\n: ping\n\n"],
    ids=["no head", "head", "role", "pings"],
)
async def test_no_first_token_in_time_is_a_timeout(pieces: bytes) -> None:
    async with raw_server(pieces, hold=True) as server:
        error = await failure(server, patience=Patience(first_token_s=0.1, inter_token_s=0.0001))
        await asyncio.wait_for(server.gone.wait(), 5)
    assert error.kind is FailureKind.TIMEOUT
    assert "first token within 0.1 s" in str(error)


@pytest.mark.parametrize("delta", [chunk("some"), chunk(reasoning="hm")], ids=["text", "reasoning"])
async def test_no_further_token_in_time_is_a_timeout(delta: bytes) -> None:
    async with raw_server(UNTIL_CLOSED + delta, hold=True) as server:
        error = await failure(server, patience=Patience(inter_token_s=0.1))
        await asyncio.wait_for(server.gone.wait(), 5)
    assert error.kind is FailureKind.TIMEOUT
    assert "further token within 0.1 s" in str(error)


async def test_a_server_that_falls_silent_after_its_finish_is_not_waited_out_in_vain() -> None:
    async with raw_server(UNTIL_CLOSED + chunk("all", finish="stop"), hold=True) as server:
        assert (await ask(server, patience=SHORT))[-1] == Finished("stop", None)


async def test_what_follows_the_end_is_not_waited_for() -> None:
    async with raw_server(UNTIL_CLOSED + chunk("all", finish="stop") + DONE, hold=True) as server:
        assert (await ask(server))[-1] == Finished("stop", None)
        await asyncio.wait_for(server.gone.wait(), 5)


# --- Stop strings ----------------------------------------------------------------------------------------------------


async def test_a_stop_string_the_server_includes_is_cut_off() -> None:
    events = [chunk("code</py"), chunk("thon>", finish="stop"), usage_chunk(5, 3), DONE]
    async with raw_server(chunked(*events)) as server:
        items = await ask(server, request(stop=("</python>",)))
    assert text_of(items) == "code"
    assert items[-1] == Finished("stop", Tokens(input=5, output=3))


async def test_a_server_that_ignores_stop_strings_is_left_where_it_stands() -> None:
    endless = UNTIL_CLOSED + chunk("code</python>", usage=(5, 3)) + chunk(" and more", usage=(5, 5))
    async with raw_server(endless, hold=True) as server:
        items = await ask(server, request(stop=("</python>",)))
        await asyncio.wait_for(server.gone.wait(), 5)
    assert text_of(items) == "code"
    assert items[-1] == Finished("stop", Tokens(input=5, output=5))


# --- Connections -----------------------------------------------------------------------------------------------------


async def test_closing_early_closes_the_connection_at_once() -> None:
    async with raw_server(UNTIL_CLOSED + chunk("some"), hold=True) as server, replica_at(server.url) as replica:
        async with aclosing(replica.stream(request())) as stream:
            assert await anext(stream) == TextDelta("some")
            assert not server.gone.is_set()
        await asyncio.wait_for(server.gone.wait(), 1)


@pytest.mark.parametrize("pieces", [b"", UNTIL_CLOSED + chunk("some")], ids=["before the head", "in the stream"])
async def test_cancelling_closes_the_connection_at_once(pieces: bytes) -> None:
    async with raw_server(pieces, hold=True) as server, replica_at(server.url) as replica:
        started = asyncio.Event()

        async def read() -> None:
            started.set()
            async for _ in replica.stream(request()):
                pass

        task = asyncio.create_task(read())
        await started.wait()
        await asyncio.wait_for(server.arrived.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.gone.wait(), 1)


async def test_a_stream_that_goes_on_for_ever_ends_when_it_is_closed() -> None:
    pieces = [UNTIL_CLOSED, *[chunk("more " * 1000)] * 5_000]
    async with raw_server(pieces) as server, replica_at(server.url) as replica:
        async with aclosing(replica.stream(request())) as stream:
            await anext(stream)
        await asyncio.wait_for(server.gone.wait(), 5)


async def test_a_connection_is_used_again() -> None:
    async with raw_server(HELLO, hold=True) as server, replica_at(server.url) as replica:
        for _ in range(3):
            assert text_of([item async for item in replica.stream(request())]) == "Hello you"
    assert (len(server.asked), server.connections) == (3, 1)


async def test_a_refused_request_leaves_its_connection_usable() -> None:
    refusal = answer("503 Service Unavailable", b"busy")
    async with raw_server(refusal, hold=True) as server, replica_at(server.url) as replica:
        for _ in range(3):
            with pytest.raises(ModelError):
                await anext(replica.stream(request()))
    assert (len(server.asked), server.connections) == (3, 1)


async def test_connections_are_not_limited() -> None:
    count = 300
    async with raw_server(UNTIL_CLOSED + chunk("some"), hold=True) as server, replica_at(server.url) as replica:
        streams = [replica.stream(request()) for _ in range(count)]
        async with asyncio.timeout(30):
            assert await asyncio.gather(*map(anext, streams)) == [TextDelta("some")] * count
        assert server.open == count
        for stream in streams:
            await stream.aclose()


async def test_a_closed_replica_answers_with_a_model_error() -> None:
    async with raw_server(HELLO) as server:
        replica = OpenAiReplica(server.url)
        async for _ in replica.stream(request()):
            pass
        await replica.aclose()
        await replica.aclose()
        with pytest.raises(ModelError):
            await anext(replica.stream(request()))


# --- Models ----------------------------------------------------------------------------------------------------------


async def test_the_models_a_replica_serves() -> None:
    body = b'{"object": "list", "data": [{"id": "a", "max_model_len": 4096}, {"id": "b"}]}'
    async with raw_server(answer("200 OK", body)) as server, replica_at(server.url) as replica:
        assert await replica.served() == (ServedModel("a", 4096), ServedModel("b", None))
    assert server.asked[0].line == "GET /v1/models HTTP/1.1"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"null", b'{"data": 3}', b'{"data": [1]}', b'{"data": [{"id": 1}]}']
)
async def test_a_list_of_models_that_is_none_is_broken(body: bytes) -> None:
    async with raw_server(answer("200 OK", body)) as server, replica_at(server.url) as replica:
        with pytest.raises(ModelError) as failed:
            await replica.served()
    assert failed.value.kind is FailureKind.BROKEN


async def test_a_replica_that_starts_up_is_busy() -> None:
    async with raw_server(answer("503 Service Unavailable", b"")) as server, replica_at(server.url) as replica:
        with pytest.raises(ModelError) as failed:
            await replica.served()
    assert failed.value.kind is FailureKind.BUSY
