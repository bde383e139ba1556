"""Everything that can go wrong at a replica, byte by byte, and the ModelError it is told as."""

import re
import socket

import pytest

from rao_runtime.adapters.openai_http import OpenAiReplica
from rao_runtime.adapters.openai_reading import Patience
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.usage import Tokens
from rao_runtime.ports import Finished, TextDelta
from tests.integration.openai_client import ask, failure, replica_at, request
from tests.integration.raw_server import (
    DONE,
    STREAM,
    UNTIL_CLOSED,
    RawServer,
    answer,
    chunk,
    chunked,
    raw_server,
    sse,
)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("400 Bad Request", FailureKind.REJECTED),
        ("401 Unauthorized", FailureKind.REJECTED),
        ("403 Forbidden", FailureKind.REJECTED),
        ("404 Not Found", FailureKind.REJECTED),
        ("405 Method Not Allowed", FailureKind.REJECTED),
        ("413 Content Too Large", FailureKind.REJECTED),
        ("422 Unprocessable Content", FailureKind.REJECTED),
        ("408 Request Timeout", FailureKind.TIMEOUT),
        ("429 Too Many Requests", FailureKind.BUSY),
        ("503 Service Unavailable", FailureKind.BUSY),
        ("500 Internal Server Error", FailureKind.SERVER),
        ("501 Not Implemented", FailureKind.SERVER),
        ("502 Bad Gateway", FailureKind.SERVER),
        ("504 Gateway Timeout", FailureKind.SERVER),
        ("599 Whatever", FailureKind.SERVER),
        ("204 No Content", FailureKind.BROKEN),
        ("307 Temporary Redirect", FailureKind.BROKEN),
    ],
)
async def test_each_status_means_one_kind_of_failure(status: str, kind: FailureKind) -> None:
    body = b"" if status.startswith("204") else b'{"error": {"message": "the reason", "code": 1}}'
    async with raw_server(answer(status, body, "location: http://127.0.0.1:1/")) as server:
        error = await failure(server)
    assert (error.kind, error.status) == (kind, int(status[:3]))
    assert str(error) == f"HTTP {status[:3]}: the reason" if body else f"HTTP {status[:3]}"
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("2", 2.0), ("0.5", 0.5), ("0", 0.0), ("-1", None), ("nan", None), ("inf", None), ("soon", None), (None, None)],
)
async def test_retry_after_is_read_where_it_is_seconds(header: str | None, seconds: float | None) -> None:
    headers = [] if header is None else [f"retry-after: {header}"]
    async with raw_server(answer("503 Service Unavailable", b"", *headers)) as server:
        error = await failure(server)
    assert error.retry_after_s == seconds


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": "plain"}', "plain"),
        (b'{"message": "vllm of old", "object": "error"}', "vllm of old"),
        (b'{"detail": "fastapi"}', "fastapi"),
        (b'{"detail": [{"msg": "x"}]}', '[{"msg":"x"}]'),
        (b"<html>\n  bad\n gateway</html>", "<html> bad gateway</html>"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 2000, "[" * 499 + "…"),
        (b'{"error": {"message": "' + b"x" * 100_000 + b'"}}', None),
    ],
    ids=range(8),
)
async def test_the_servers_message_is_kept_short(body: bytes, said: str | None) -> None:
    async with raw_server(answer("400 Bad Request", body)) as server:
        error = await failure(server)
    assert len(str(error)) <= 520
    assert said is None or str(error) == f"HTTP 400: {said}"


async def test_the_api_key_is_in_no_message() -> None:
    body = b'{"error": {"message": "bad key sk-secret-1 given"}}'
    reply = answer("401 Unauthorized", body)
    async with raw_server(reply) as server, replica_at(server.url, api_key="sk-secret-1") as replica:
        with pytest.raises(ModelError) as failed:
            await anext(replica.stream(request()))
    assert str(failed.value) == "HTTP 401: bad key *** given"


async def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = await failure(RawServer(url=f"http://127.0.0.1:{taken.getsockname()[1]}"))
    assert error.kind is FailureKind.UNREACHABLE


@pytest.mark.parametrize("url", ["http://", "nonsense", "http://[", "ftp://127.0.0.1:1", "http://127.0.0.1:99999"])
def test_a_url_that_is_none_is_refused_before_any_call(url: str) -> None:
    with pytest.raises(ValueError, match=re.escape(url)):
        OpenAiReplica(url)


async def test_a_connection_that_never_stands_is_unreachable_in_time() -> None:
    async with raw_server(b"", hold=True) as server:
        server.url = server.url.replace("http:", "https:")  # it accepts, and waits for what TLS never sends
        error = await failure(server, patience=Patience(connect_s=0.1))
    assert error.kind is FailureKind.UNREACHABLE


BROKEN = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-",
    "no event": UNTIL_CLOSED,
    "a page": answer("200 OK", b"<html>hello</html>", "content-type: text/html"),
    "a completion that is no stream": answer("200 OK", b'{"choices": []}', "content-type: application/json"),
    "no finish": UNTIL_CLOSED + chunk("some text"),
    "an end and nothing before": chunked(DONE),
    "not JSON": chunked(b"data: {\n\n", DONE),
    "not UTF-8": chunked(b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n', DONE),
    "half a chunk": STREAM + b"transfer-encoding: chunked\r\n\r\nfff\r\n" + chunk("some"),
    "a bad chunk size": STREAM + b"transfer-encoding: chunked\r\n\r\nxyz\r\n",
    "too short a body": answer("200 OK", chunk("some text")).replace(b"content-length: ", b"content-length: 9"),
    "an event without end": UNTIL_CLOSED + b"data: " + b"x" * (5 << 20),
}


@pytest.mark.parametrize("pieces", BROKEN.values(), ids=BROKEN.keys())
async def test_a_stream_that_breaks_is_broken(pieces: bytes) -> None:
    async with raw_server(pieces) as server:
        error = await failure(server)
    assert error.kind is FailureKind.BROKEN
    assert len(server.asked) == 1  # nobody below the pool tries again


@pytest.mark.parametrize("pieces", [b"", UNTIL_CLOSED + chunk("some text")], ids=["before", "after"])
async def test_a_connection_reset_is_broken(pieces: bytes) -> None:
    async with raw_server(pieces, reset=True) as server:
        assert (await failure(server)).kind is FailureKind.BROKEN


async def test_an_error_event_is_the_servers_and_comes_after_the_text_before_it() -> None:
    events = [chunk("some", usage=(5, 1)), sse({"error": {"message": "engine dead", "code": 500}}), DONE]
    async with raw_server(chunked(*events)) as server, replica_at(server.url) as replica:
        stream = replica.stream(request())
        assert await anext(stream) == TextDelta("some", Tokens(input=5, output=1))
        with pytest.raises(ModelError, match="engine dead") as failed:
            await anext(stream)
    assert failed.value.kind is FailureKind.SERVER


async def test_a_stream_without_done_is_whole_when_it_told_its_finish() -> None:
    async with raw_server(UNTIL_CLOSED + chunk("all", finish="length")) as server:
        assert await ask(server) == [TextDelta("all"), Finished("length", None)]


async def test_a_stream_that_breaks_after_its_finish_is_whole() -> None:
    head = STREAM + b"transfer-encoding: chunked\r\n\r\n"
    event = chunk("all", finish="stop", usage=(5, 1))
    async with raw_server(head + b"%x\r\n%s\r\n" % (len(event), event)) as server:
        tokens = Tokens(input=5, output=1)
        assert await ask(server) == [TextDelta("all", tokens), Finished("stop", tokens)]
