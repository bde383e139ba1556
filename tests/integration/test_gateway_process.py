"""The gateway as a process of its own: it starts, it takes what comes over a socket, and it leaves in time."""

import asyncio
import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from subprocess import Popen

import httpx

from tests.contract.processes import gateway_process
from tests.contract.world import live

LEAVES_WITHIN_S = 10


@asynccontextmanager
async def gateway(**environment: str) -> AsyncGenerator[tuple[Popen[str], httpx.AsyncClient, httpx.AsyncClient], None]:
    """A gateway's process, a client of it and one of its replica, which hangs on every call from now on."""
    with gateway_process(**environment) as (process, url, replica):
        async with (
            asyncio.timeout(60),
            httpx.AsyncClient(base_url=url, timeout=30) as http,
            httpx.AsyncClient(base_url=replica) as stand_in,
        ):
            await stand_in.post("/control", json={"faults": {"hang": 1}})
            yield process, http, stand_in


async def begin(http: httpx.AsyncClient) -> str:
    answer = await http.post("/solve", json={"goal": "wait"}, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    return answer.headers["location"]


async def test_it_leaves_within_ten_seconds_and_says_goodbye() -> None:
    async with gateway() as (process, http, _):
        path = await begin(http)
        async with http.stream("GET", f"{path}/events") as answer, asyncio.TaskGroup() as group:
            waiting = group.create_task(http.post("/solve", json={"goal": "wait"}))
            stream = answer.aiter_lines()
            async for line in stream:
                if line == "event: call.started":
                    break
            while len((await http.get("/trees")).json()["data"]) < 2:
                await http.get("/livez")
            process.send_signal(signal.SIGTERM)
            lines = [line async for line in stream if line]
        await asyncio.to_thread(process.wait, LEAVES_WITHIN_S)
    assert lines[-2:] == [": server is shutting down", "retry: 2000"]
    assert waiting.result().status_code == 202


async def test_it_leaves_in_time_with_a_client_that_does_not_read() -> None:
    async with gateway(RAO_DRAIN_S="2") as (process, http, _):
        path = await begin(http)
        host, port = str(http.base_url.host), http.base_url.port
        assert port is not None
        with socket.create_connection((host, port)) as mute:
            mute.sendall(f"GET {path}/events HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(process.wait, LEAVES_WITHIN_S)


async def test_a_follower_reconnects_and_misses_nothing() -> None:
    async with gateway() as (_, http, _):
        path = await begin(http)
        seen = list[int]()
        async with http.stream("GET", f"{path}/events") as answer:
            async for event in live(answer):
                if event.id is not None:
                    seen.append(int(event.id))
                if event.event == "node.created":
                    break
        await http.post(f"{path}/cancel")
        async with http.stream("GET", f"{path}/events", headers={"Last-Event-ID": str(seen[-1])}) as answer:
            seen += [int(event.id) async for event in live(answer) if event.id is not None]
        assert seen == list(range(1, len(seen) + 1))
        assert (await http.get(f"{path}/events?starting_after={seen[-1]}")).status_code == 204


async def test_a_body_that_is_too_large_is_answered_over_a_socket() -> None:
    async def chunks() -> AsyncGenerator[bytes, None]:
        for _ in range(400):
            yield b" " * (64 << 10)

    headers = {"Content-Type": "application/json"}
    async with gateway() as (_, http, _):
        announced = await http.post("/solve", content=b" " * (20 << 20), headers=headers)
        unannounced = await http.post("/solve", content=chunks(), headers=headers)
        assert (announced.status_code, unannounced.status_code) == (413, 413)
        assert (await http.get("/livez")).status_code == 200


async def test_a_body_that_is_never_finished_holds_up_nobody() -> None:
    async with gateway(RAO_DRAIN_S="1") as (process, http, _):
        host, port = str(http.base_url.host), http.base_url.port
        assert port is not None
        with socket.create_connection((host, port)) as slow:
            head = (
                f"POST /solve HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
            )
            slow.sendall(head.encode() + b'{"goal"')
            assert (await http.get("/livez")).status_code == 200
            process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(process.wait, LEAVES_WITHIN_S)


async def test_settings_that_make_no_sense_end_it_with_a_reason() -> None:
    with gateway_process(RAO_SYNC_WAIT_S="a while") as (process, url, _):
        assert url == ""
        assert await asyncio.to_thread(process.wait, LEAVES_WITHIN_S) == 1
