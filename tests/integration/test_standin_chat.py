"""The stand-in's chat completions over real sockets: every field that is honoured, every refusal."""

import asyncio
from typing import Any

import orjson
import pytest

from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.script import Reply, RuleScript, TranscriptScript
from tests.integration.standin_client import ASKED, CHAT, SAYS, standing

# Of SAYS and of the prompt "Say it.", at four characters a token, and four tokens for the message.
SAID_TOKENS = 13
PROMPT_TOKENS = 6


async def test_a_stream_brings_role_text_finish_usage_and_end_mark_in_vllms_order() -> None:
    async with standing(StandInConfig(chunk_tokens=5)) as (_, client):
        streamed = await client.stream(request_id="abc")
    assert streamed.done
    assert streamed.texts == ["", SAYS[:20], SAYS[20:40], SAYS[40:]]
    assert streamed.choices[0]["delta"]["role"] == "assistant"
    assert [choice["finish_reason"] for choice in streamed.choices] == [None, None, None, "stop"]
    assert {event["id"] for event in streamed.events} == {"chatcmpl-abc"}
    assert {event["object"] for event in streamed.events} == {"chat.completion.chunk"}
    assert streamed.events[-1]["choices"] == []
    assert streamed.usage == {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": SAID_TOKENS,
        "total_tokens": PROMPT_TOKENS + SAID_TOKENS,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


async def test_a_whole_answer_says_the_same_as_the_stream() -> None:
    async with standing() as (_, client):
        streamed = await client.stream()
        status, told = await client.ask(request_id="whole")
    assert status == 200
    assert told["id"] == "chatcmpl-whole"
    assert told["object"] == "chat.completion"
    assert told["choices"][0]["message"] == {"role": "assistant", "content": streamed.text}
    assert told["choices"][0]["finish_reason"] == "stop"
    assert told["usage"] == streamed.usage


async def test_a_request_without_an_id_gets_one() -> None:
    async with standing() as (stand_in, client):
        _, told = await client.post(CHAT, dict(ASKED), request_id="")
        assert told["id"] == f"chatcmpl-{stand_in.ledger.entries[0].request_id}"


async def test_continuous_usage_counts_up_with_every_chunk() -> None:
    options = {"stream_options": {"include_usage": True, "continuous_usage_stats": True}}
    async with standing(StandInConfig(chunk_tokens=5)) as (_, client):
        streamed = await client.stream(options)
    assert [event["usage"]["completion_tokens"] for event in streamed.events] == [0, 5, 10, 13, 13]
    assert {event["usage"]["prompt_tokens"] for event in streamed.events} == {PROMPT_TOKENS}


@pytest.mark.parametrize("options", [{}, {"continuous_usage_stats": True}])
async def test_without_include_usage_no_chunk_has_any(options: dict[str, Any]) -> None:
    async with standing() as (_, client):
        streamed = await client.stream({"stream_options": options})
    assert streamed.done
    assert not any("usage" in event for event in streamed.events)


async def test_a_stop_string_ends_the_text_before_itself_and_is_paid_for() -> None:
    async with standing() as (_, client):
        streamed = await client.stream({"stop": ["nine", "four five"]})
        _, told = await client.ask({"stop": "four five"})
    assert streamed.text == "One two three "
    assert streamed.finish_reason == "stop"
    assert streamed.choices[-1]["stop_reason"] == "four five"
    assert streamed.usage is not None
    assert streamed.usage["completion_tokens"] == 6
    assert told["choices"][0]["message"]["content"] == "One two three "


async def test_max_tokens_cuts_the_text_and_says_length() -> None:
    async with standing() as (_, client):
        streamed = await client.stream({"max_tokens": 3})
        newer = await client.stream({"max_completion_tokens": 3})
    assert streamed.text == SAYS[:12]
    assert streamed.finish_reason == "length"
    assert streamed.usage is not None
    assert streamed.usage["completion_tokens"] == 3
    assert newer.body == streamed.body


async def test_a_stop_string_that_max_tokens_cuts_off_does_not_stop() -> None:
    async with standing() as (_, client):
        streamed = await client.stream({"max_tokens": 4, "stop": "four"})
    assert (streamed.text, streamed.finish_reason) == (SAYS[:14], "length")


async def test_every_message_counts_towards_the_prompt_text_parts_too() -> None:
    messages = [
        {"role": "system", "content": "x" * 40},
        {"role": "user", "content": [{"type": "text", "text": "y" * 8}, {"type": "text", "text": "z"}]},
        {"role": "assistant", "content": None},
    ]
    async with standing() as (_, client):
        streamed = await client.stream({"messages": messages})
    assert streamed.usage is not None
    assert streamed.usage["prompt_tokens"] == (10 + 4) + (3 + 4) + (0 + 4)


async def test_a_script_may_say_how_much_was_cached() -> None:
    async with standing(script=RuleScript(lambda _: Reply(text="Hm.", cached_tokens=5))) as (_, client):
        streamed = await client.stream()
    assert streamed.usage is not None
    assert streamed.usage["prompt_tokens_details"] == {"cached_tokens": 5}


async def test_fields_of_sampling_and_fields_unknown_to_the_stand_in_are_accepted() -> None:
    fields = {"seed": 7, "temperature": 0.3, "top_p": 0.9, "priority": -2, "cache_salt": "tenant-1", "min_tokens": 0}
    async with standing() as (stand_in, client):
        streamed = await client.stream(fields)
        assert streamed.text == SAYS
        assert stand_in.ledger.entries[0].priority == -2


async def test_a_transcript_is_told_turn_by_turn_and_ends_in_an_error() -> None:
    script = TranscriptScript({"Say it.": ["First.", Reply(text="Second.")]})
    talk: list[dict[str, str]] = [{"role": "user", "content": "Say it."}]
    said: list[str] = []
    async with standing(script=script) as (_, client):
        for _ in range(2):
            streamed = await client.stream({"messages": talk})
            said.append(streamed.text)
            talk += [{"role": "assistant", "content": streamed.text}, {"role": "user", "content": "Go on."}]
        status, told = await client.ask({"messages": talk})
        unknown, _ = await client.ask({"messages": [{"role": "user", "content": "Who are you?"}]})
    assert said == ["First.", "Second."]
    assert status == unknown == 500
    assert "no turn 2" in told["error"]["message"]


async def test_a_script_that_raises_is_a_server_error_and_the_next_request_is_served() -> None:
    replies = iter(["", SAYS])

    def rule(_: object) -> str:
        return next(replies) or str(1 // 0)

    async with standing(script=RuleScript(rule)) as (_, client):
        status, told = await client.ask()
        streamed = await client.stream()
    assert status == 500
    assert "ZeroDivisionError" in told["error"]["message"]
    assert streamed.text == SAYS


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages.0.role"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"temperature": -1}, "temperature"),
        ({"n": 2}, "n"),
        ({"cache_salt": "a/b"}, "cache_salt"),
        ({"cache_salt": ""}, "cache_salt"),
        ({"stream_options": {"include_usage": True}}, None),
    ],
)
async def test_a_field_that_makes_no_sense_is_refused_in_vllms_shape(fields: dict[str, Any], param: str | None) -> None:
    async with standing() as (stand_in, client):
        status, told = await client.ask(fields)
        assert stand_in.ledger.outcomes()["rejected"] == 1
    assert status == 400
    assert told["error"]["type"] == "BadRequestError"
    assert told["error"]["code"] == 400
    assert told["error"]["param"] == param
    assert told["error"]["message"]


async def test_an_unknown_model_is_not_found() -> None:
    async with standing(StandInConfig(models=("big", "small"))) as (_, client):
        status, told = await client.ask({"model": "huge"})
        served, _ = await client.ask({"model": "small"})
    assert (status, served) == (404, 200)
    assert told["error"] == {
        "message": "The model `huge` does not exist.",
        "type": "NotFoundError",
        "param": "model",
        "code": 404,
    }


async def test_prompt_and_completion_must_fit_the_window() -> None:
    async with standing(StandInConfig(window=20)) as (_, client):
        refused, told = await client.ask({"max_tokens": 15})
        served, _ = await client.ask({"max_tokens": 14})
        unbounded = await client.stream()
        outgrown, _ = await client.ask({"messages": [{"role": "user", "content": "x" * 80}]})
    assert (refused, served, outgrown) == (400, 200, 400)
    assert "maximum context length is 20 tokens" in told["error"]["message"]
    assert unbounded.text == SAYS


@pytest.mark.parametrize("sent", [b"", b"{", b"[]", b'{"messages": [{"role": "user", "content": "\\ud800"}]}'])
async def test_a_body_that_is_no_request_is_refused(sent: bytes) -> None:
    async with standing() as (stand_in, _):
        status, told = await _raw_post(stand_in.url, sent)
    assert status == 400
    assert told["error"]["type"] == "BadRequestError"


async def test_what_is_not_http_is_answered_and_cut_off() -> None:
    async with standing() as (stand_in, client):
        reader, writer = await _connect(stand_in.url)
        writer.write(b"\x16\x03\x01 no http at all\r\n\r\n")
        answer = await reader.read()
        writer.close()
        streamed = await client.stream()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert streamed.text == SAYS


async def test_a_body_that_waits_for_permission_gets_it() -> None:
    async with standing() as (stand_in, _):
        reader, writer = await _connect(stand_in.url)
        body = orjson.dumps(dict(ASKED))
        head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {len(body)}\r\n"
        writer.write(f"{head}expect: 100-continue\r\n\r\n".encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_requests_sent_at_once_on_one_connection_are_answered_in_order() -> None:
    async with standing() as (stand_in, _):
        reader, writer = await _connect(stand_in.url)
        writer.write(
            b"GET /version HTTP/1.1\r\nhost: x\r\n\r\nGET /none HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        )
        answer = await reader.read()
        writer.close()
    assert answer.index(b"HTTP/1.1 200 ") < answer.index(b"HTTP/1.1 404 ")


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = url.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port))


async def _raw_post(url: str, body: bytes) -> tuple[int, Any]:
    reader, writer = await _connect(url)
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    answer = await reader.read()
    writer.close()
    return int(answer.split()[1]), orjson.loads(answer.partition(b"\r\n\r\n")[2])
