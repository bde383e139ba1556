"""The client library, sync and async, where the network and the server do their worst."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from rao_runtime.client import AsyncClient, Client, Refused, StrangeAnswer, Unavailable, Unreachable
from server.app import create_app
from tests.contract.world import served, world
from tests.integration.cli_replay import NO_CONTENT, events, problem, replay
from tests.integration.client_caller import KINDS, calling
from tests.integration.client_turns import Turn, page, proxy, tree, turns
from tests.integration.raw_server import UNTIL_CLOSED, answer, raw_server

KIND = pytest.mark.parametrize("kind", KINDS)
NO_SERVER = "http://127.0.0.1:1"


# --- a stream that breaks --------------------------------------------------------------------------------------------


@KIND
async def test_a_dropped_connection_is_taken_up_after_the_last_whole_event(kind: str) -> None:
    answers = [events(1, 2, cut=True), events(cut=True), events(3, last="tree.completed")]
    async with replay(answers) as server, calling(kind, server.url) as call:
        assert [event.seq for event in await call.events("t")] == [1, 2, 3, 4]
    assert server.cursors == [None, "2", "2"]


@KIND
async def test_an_event_that_is_sent_twice_is_told_once(kind: str) -> None:
    async with (
        replay([events(1, 2), events(1, 2, 3, last="tree.completed")]) as server,
        calling(kind, server.url) as call,
    ):
        assert [event.seq for event in await call.events("t")] == [1, 2, 3, 4]


@KIND
async def test_a_stream_that_falls_silent_is_taken_up_elsewhere(kind: str) -> None:
    script = (Turn(events(1), holds=True), events(2, last="tree.failed"))
    async with turns(*script) as server, calling(kind, server.url, silence_s=0.2) as call:
        assert [event.seq for event in await call.events("t")] == [1, 2, 3]


@KIND
async def test_nothing_more_to_come_ends_it(kind: str) -> None:
    async with replay([events(1), NO_CONTENT]) as server, calling(kind, server.url) as call:
        assert [event.seq for event in await call.events("t")] == [1]


@KIND
async def test_a_tree_that_is_gone_after_a_restart_is_said(kind: str) -> None:
    async with (
        replay([events(1), problem("404 Not Found", "There is no such tree")]) as server,
        calling(kind, server.url) as call,
    ):
        with pytest.raises(Refused, match=r"There is no such tree \(404\)"):
            await call.events("t")
    assert len(server.asked) == 2


@KIND
async def test_streams_that_only_end_are_given_up(kind: str) -> None:
    async with replay([events(1), UNTIL_CLOSED]) as server, calling(kind, server.url, patience_s=0.4) as call:
        with pytest.raises(Unreachable, match="ends its streams before the tree has ended"):
            await call.events("t")
    assert len(server.asked) > 2


@KIND
async def test_every_event_of_a_real_tree_comes_once_through_a_proxy_that_cuts(kind: str) -> None:
    async with world() as gateway, served(gateway.app, gateway.settings) as (server, _):
        tree_id = (await gateway.solve("SPLIT", mode="recursive")).json()["tree_id"]
        whole = [event.data["seq"] for event in await gateway.events(tree_id)]
        async with proxy(server.url, 2000) as url, calling(kind, url) as call:
            assert [event.seq for event in await call.events(tree_id)] == whole


# --- a server that goes and comes back -------------------------------------------------------------------------------


async def test_streams_and_waits_outlive_a_restart_on_the_same_port() -> None:
    async with world() as gateway, AsyncExitStack() as clients, asyncio.TaskGroup() as group:
        async with served(gateway.app, gateway.settings) as (server, _):
            url, tree_id = server.url, await gateway.stuck()
            calls = [await clients.enter_async_context(calling(kind, url, patience_s=30.0)) for kind in KINDS]
            following = [group.create_task(call.events(tree_id)) for call in calls]
            waiting = [group.create_task(call("wait", tree_id, raise_on_failure=False)) for call in calls]
            async with AsyncClient(url) as seeing, seeing.stream(tree_id) as stream:
                async for event in stream:
                    if event.type == "call.started":
                        break
        settings = replace(gateway.settings, port=urlsplit(url).port or 0)
        async with served(create_app(settings, gateway.runtime), settings) as (_, http):
            assert (await http.post(f"/trees/{tree_id}/cancel")).status_code == 202
            told = await asyncio.gather(*following)
            trees = await asyncio.gather(*waiting)
    for each in told:
        assert [event.seq for event in each] == list(range(1, len(each) + 1))
        assert each[-1].type == "tree.canceled"
    assert [tree.status for tree in trees] == ["canceled", "canceled"]


@KIND
async def test_a_task_whose_reply_was_lost_becomes_one_tree(kind: str) -> None:
    async with world() as gateway, served(gateway.app, gateway.settings) as (server, _):
        async with proxy(server.url, 0, 20) as url, calling(kind, url) as call:
            solved = await call("solve", "ANSWER")
        assert solved.answer == 42
        listed = (await gateway.http.get("/trees")).json()["data"]
    assert [each["tree_id"] for each in listed] == [solved.tree_id]


@KIND
async def test_a_proxy_that_has_lost_its_server_is_waited_for(kind: str) -> None:
    script = (page("502 Bad Gateway"), page("503 Service Unavailable"), tree("completed", answer=7))
    async with turns(*script) as server, calling(kind, server.url) as call:
        assert (await call("solve", "g")).answer == 7
    assert len({asked.headers["idempotency-key"] for asked in server.asked}) == 1
    assert len({asked.body for asked in server.asked}) == 1


@KIND
async def test_a_reply_that_does_not_come_is_asked_for_again(kind: str) -> None:
    script = (Turn(b"", holds=True), Turn(b"HTTP/1.1 200 OK\r\ncontent-le", holds=True), tree("working"))
    async with turns(*script) as server, calling(kind, server.url, timeout=0.2) as call:
        assert (await call("get", "t")).status == "working"


# --- a server that stays away ----------------------------------------------------------------------------------------


@KIND
async def test_a_server_that_is_not_there_is_given_up_in_time(kind: str) -> None:
    async with calling(kind, NO_SERVER, patience_s=0.3) as call:
        with pytest.raises(Unreachable, match="cannot reach") as raised:
            await call("solve", "g")
    assert raised.value.url == NO_SERVER


@KIND
async def test_a_page_for_people_is_a_refusal_too(kind: str) -> None:
    async with turns(page("502 Bad Gateway")) as server, calling(kind, server.url, patience_s=0.3) as call:
        with pytest.raises(Unavailable, match=r"Bad Gateway \(502\)") as raised:
            await call("get", "t")
    assert not raised.value.problem.is_ours


@KIND
async def test_a_page_where_a_tree_should_be_is_strange(kind: str) -> None:
    async with turns(page("200 OK")) as server, calling(kind, server.url) as call:
        with pytest.raises(StrangeAnswer, match="is it one"):
            await call("solve", "g")
        with pytest.raises(StrangeAnswer, match="is it one"):
            await call.events("t")


@KIND
async def test_what_is_told_to_be_compressed_and_is_not_is_no_reply(kind: str) -> None:
    broken = answer("200 OK", b"not gzip", "content-encoding: gzip", "connection: close")
    async with turns(broken) as server, calling(kind, server.url, patience_s=0.3) as call:
        with pytest.raises(Unreachable):
            await call("get", "t")


# --- a caller that leaves --------------------------------------------------------------------------------------------


async def test_a_timeout_of_the_callers_own_loses_no_event() -> None:
    script = (Turn(events(1, 2), holds=True), Turn(events(3), holds=True), events(4, last="tree.completed"))
    seen = list[int | None]()
    async with turns(*script) as server, AsyncClient(server.url) as client, client.stream("t") as stream:
        while len(seen) < 5:
            try:
                async with asyncio.timeout(0.1):
                    seen.append((await anext(stream)).seq)
            except TimeoutError:
                continue
    assert seen == [1, 2, 3, 4, 5]
    assert [asked.headers.get("last-event-id") for asked in server.asked] == [None, "2", "3"]


async def test_a_stream_that_is_left_lets_its_connection_go() -> None:
    async with raw_server(events(1), hold=True) as server, AsyncClient(server.url) as client:
        async with client.stream("t") as stream:
            assert (await anext(stream)).seq == 1
        async with asyncio.timeout(5):
            await server.gone.wait()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_a_sync_stream_that_is_left_lets_its_connection_go() -> None:
    def first(client: Client) -> int | None:
        with client.stream("t") as stream:
            return next(stream).seq

    async with raw_server(events(1), hold=True) as server:
        with Client(server.url) as client:
            assert await asyncio.to_thread(first, client) == 1
            async with asyncio.timeout(5):
                await server.gone.wait()


async def test_a_cancelled_wait_leaves_the_tree_alone() -> None:
    async with world() as gateway, served(gateway.app, gateway.settings) as (server, _):
        tree_id = await gateway.stuck()
        async with AsyncClient(server.url) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await client.wait(tree_id)
            assert (await client.get(tree_id)).status == "working"


async def test_many_streams_leave_room_for_calls() -> None:
    async with (
        turns(*[Turn(events(1), holds=True)] * 150, tree("working")) as server,
        AsyncClient(server.url) as client,
        AsyncExitStack() as streams,
    ):
        for _ in range(150):
            await anext(await streams.enter_async_context(client.stream("t")))
        assert (await client.get("t")).status == "working"
