"""The layers around the app, on small apps of their own."""

import json
import logging

import httpx
import pytest
from sse_starlette.sse import SendTimeoutError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.logs import JsonLines
from server.middleware.body_limit import BodyLimit
from server.middleware.head import HeadAsGet
from server.middleware.last_resort import LastResort
from server.middleware.request_id import RequestId, request_id
from server.problems import Refused


def client(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(f"hello from {request_id.get()}")(scope, receive, send)


async def boom(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("the password is swordfish")


# --- request id ------------------------------------------------------------------------------------------------------


async def test_a_request_keeps_the_id_it_came_with() -> None:
    async with client(RequestId(hello)) as http:
        answer = await http.get("/", headers={"X-Request-Id": "abc-1"})
    assert answer.headers["x-request-id"] == "abc-1"
    assert answer.text == "hello from abc-1"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a/b", '"'])
async def test_an_id_that_is_not_sane_is_replaced(given: str) -> None:
    async with client(RequestId(hello)) as http:
        answer = await http.get("/", headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"] not in {given, ""}


async def test_every_request_has_its_own_id() -> None:
    async with client(RequestId(hello)) as http:
        first, second = await http.get("/"), await http.get("/")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert request_id.get() is None


# --- last resort -----------------------------------------------------------------------------------------------------


async def test_an_unforeseen_error_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    async with client(RequestId(LastResort(boom))) as http:
        answer = await http.get("/x", headers={"X-Request-Id": "abc-1"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:rao:problem:internal-error"
    assert "swordfish" not in answer.text
    (record,) = caplog.records
    assert "swordfish" in JsonLines().format(record)


async def test_an_answer_that_has_begun_is_broken_off_not_mended() -> None:
    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("late")

    async with client(LastResort(late)) as http:
        with pytest.raises(RuntimeError, match="late"):
            await http.get("/")


@pytest.mark.parametrize("error", [ClientDisconnect(), SendTimeoutError()])
async def test_a_client_that_went_away_is_no_error(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    async def gone(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    sent = list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with caplog.at_level(logging.INFO):
        await LastResort(gone)({"type": "http", "path": "/", "method": "GET", "headers": []}, receive, send)
    assert sent == []
    assert all(record.levelno < logging.ERROR for record in caplog.records)


# --- head ------------------------------------------------------------------------------------------------------------


async def test_head_has_gets_headers_and_no_body() -> None:
    async with client(HeadAsGet(hello)) as http:
        head, get = await http.head("/"), await http.get("/")
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]


async def test_head_never_starts_a_stream() -> None:
    started = list[bool]()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        async def chunks():  # noqa: ANN202 - an async generator of bytes
            started.append(True)
            yield b"x"

        await StreamingResponse(chunks())(scope, receive, send)

    async with client(HeadAsGet(endless)) as http:
        assert (await http.head("/")).status_code == 200
    assert started == []


# --- body limit ------------------------------------------------------------------------------------------------------


async def measure(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        response = PlainTextResponse(str(len(await Request(scope, receive).body())))
    except Refused as refused:
        response: Response = refused.problem.response(scope["path"])
    await response(scope, receive, send)


@pytest.mark.parametrize(("size", "status"), [(0, 200), (10, 200), (11, 413), (1000, 413)])
async def test_an_announced_body_may_fill_the_limit_and_no_more(size: int, status: int) -> None:
    async with client(BodyLimit(measure, max_bytes=10)) as http:
        answer = await http.post("/", content=b"x" * size)
    assert answer.status_code == status


@pytest.mark.parametrize(("chunks", "status"), [(2, 200), (3, 413), (1000, 413)])
async def test_an_unannounced_body_may_fill_the_limit_and_no_more(chunks: int, status: int) -> None:
    async def body():  # noqa: ANN202 - an async generator of bytes
        for _ in range(chunks):
            yield b"12345"

    async with client(BodyLimit(measure, max_bytes=10)) as http:
        answer = await http.post("/", content=body())
    assert answer.status_code == status
    assert (answer.headers.get("connection") == "close") is (status == 413)


async def test_a_length_that_is_too_long_is_refused_before_a_byte_is_read() -> None:
    read = list[Message]()
    sent = list[Message]()

    async def receive() -> Message:
        read.append({"type": "http.request", "body": b"", "more_body": False})
        assert any(message["type"] == "http.response.body" for message in sent)
        return read[-1]

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/", "method": "POST", "headers": [(b"content-length", b"9" * 30)]}
    await BodyLimit(measure, max_bytes=10)(scope, receive, send)
    assert sent[0]["status"] == 413


# --- logs ------------------------------------------------------------------------------------------------------------


async def test_a_log_line_is_json_and_names_the_request() -> None:
    lines = list[str]()

    async def talkative(scope: Scope, receive: Receive, send: Send) -> None:
        record = logging.LogRecord("server", logging.WARNING, "", 0, "read %s", ("x\ny",), None)
        lines.append(JsonLines().format(record))
        await hello(scope, receive, send)

    async with client(RequestId(talkative)) as http:
        await http.get("/", headers={"X-Request-Id": "abc-1"})
    (line,) = lines
    told = json.loads(line)
    assert "\n" not in line
    assert told.pop("ts").endswith("Z")
    assert told == {"level": "warning", "logger": "server", "message": "read x\ny", "request_id": "abc-1"}
