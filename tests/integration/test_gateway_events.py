"""The stream of a tree's events, on the real engine."""

import asyncio

import httpx
import pytest
from starlette.types import Message

from rao_runtime.core.ids import root_id
from server.gateway import StreamTimes
from tests.contract.world import ENDS, Frame, World, frames, live, served, world


def numbers(events: list[Frame]) -> list[int]:
    return [int(event.id or 0) for event in events]


# --- replay ----------------------------------------------------------------------------------------------------------


async def test_a_stream_is_the_whole_journal_in_order_and_ends_with_the_tree() -> None:
    async with world() as gateway:
        answer = await gateway.solve("SPLIT", mode="recursive", stream=True)
        first, *events = frames(answer.text)
        assert first.text == "retry: 2000"
        assert numbers(events) == list(range(1, len(events) + 1))
        for event in events:
            assert event.data["seq"] == int(event.id or 0)
            assert event.data["type"] == event.event
        tree = (await gateway.http.get(answer.headers["location"])).json()
        assert events[-1].event == "tree.completed"
        assert events[-1].data["data"] == tree
        assert [event.text for event in await gateway.events(tree["tree_id"])] == [event.text for event in events]


async def test_the_headers_keep_proxies_from_holding_events_back() -> None:
    async with world() as gateway:
        by_accept = await gateway.http.post("/solve", json={"goal": "ANSWER"}, headers={"Accept": "text/event-stream"})
        replayed = await gateway.http.get(f"{by_accept.headers['location']}/events")
    for answer in (by_accept, replayed):
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-accel-buffering"] == "no"


async def test_a_client_that_comes_back_gets_the_rest() -> None:
    async with world() as gateway:
        tree_id = (await gateway.solve("ANSWER")).json()["tree_id"]
        everything = await gateway.events(tree_id)
        path = f"/trees/{tree_id}/events"
        for seen in range(len(everything)):
            rest = [event.text for event in everything[seen:]]
            assert [event.text for event in await gateway.events(tree_id, starting_after=seen)] == rest
            by_header = await gateway.http.get(path, headers={"Last-Event-ID": str(seen)})
            assert [event.text for event in frames(by_header.text)[1:]] == rest


async def test_the_header_wins_over_the_query() -> None:
    async with world() as gateway:
        tree_id = (await gateway.solve("ANSWER")).json()["tree_id"]
        last = len(await gateway.events(tree_id))
        path = f"/trees/{tree_id}/events?starting_after=0"
        assert (await gateway.http.get(path, headers={"Last-Event-ID": str(last)})).status_code == 204


async def test_who_has_seen_the_end_is_told_not_to_come_back() -> None:
    async with world() as gateway:
        tree_id = (await gateway.solve("ANSWER")).json()["tree_id"]
        last = len(await gateway.events(tree_id))
        answer = await gateway.http.get(f"/trees/{tree_id}/events?starting_after={last}&types=node.created")
    assert (answer.status_code, answer.content) == (204, b"")


async def test_a_cursor_ahead_of_an_ended_tree_gets_the_tree_and_its_end() -> None:
    async with world() as gateway:
        tree = (await gateway.solve("ANSWER")).json()
        gap, end = await gateway.events(tree["tree_id"], starting_after=2**63 - 1, types="node.created")
    assert (gap.event, gap.id, gap.data["data"]) == ("stream.gap", None, tree)
    assert end.event == "tree.completed"


async def test_a_cursor_ahead_of_a_running_tree_gets_the_tree_and_then_what_comes() -> None:
    async with world() as gateway, served(gateway.app, gateway.settings) as (_, http):
        tree_id = await gateway.stuck()
        async with http.stream("GET", f"/trees/{tree_id}/events?starting_after=1000") as answer:
            stream = live(answer)
            await anext(stream)
            gap = await anext(stream)
            assert gap.event == "stream.gap"
            assert gap.data["data"]["status"] == "working"
            await gateway.http.post(f"/trees/{tree_id}/cancel")
            rest = [event async for event in stream]
    assert rest[-1].event == "tree.canceled"
    assert numbers(rest) == list(range(numbers(rest)[0], numbers(rest)[-1] + 1))


async def test_head_answers_without_starting_the_stream() -> None:
    async with world() as gateway:
        tree_id = await gateway.stuck()
        async with asyncio.timeout(5):
            answer = await gateway.http.head(f"/trees/{tree_id}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")


# --- filters ---------------------------------------------------------------------------------------------------------


async def split(gateway: World) -> tuple[str, list[Frame]]:
    tree_id = (await gateway.solve("SPLIT", mode="recursive")).json()["tree_id"]
    return tree_id, await gateway.events(tree_id)


async def test_a_subtree_can_be_followed_by_itself_from_any_cursor() -> None:
    async with world() as gateway:
        tree_id, everything = await split(gateway)
        created = [event.data for event in everything if event.event == "node.created"]
        (inner,) = (node["node_id"] for node in created if node["data"]["goal"] == "SPLIT AGAIN")
        below = {inner} | {node["node_id"] for node in created if node["parent_id"] == inner}
        assert len(below) == 3
        expected = [event for event in everything if event.data["node_id"] in below or event.event in ENDS]
        assert await gateway.events(tree_id, node=inner) == expected
        middle = numbers(expected)[len(expected) // 2]
        rest = [event for event in expected if int(event.id or 0) > middle]
        assert await gateway.events(tree_id, node=inner, starting_after=middle) == rest


async def test_depth_and_types_narrow_the_stream() -> None:
    async with world() as gateway:
        tree_id, everything = await split(gateway)
        shallow = await gateway.events(tree_id, depth=0)
        assert {event.data["depth"] for event in shallow} == {None, 0}
        assert {event.data["node_id"] for event in shallow} == {None, root_id(tree_id)}
        some = await gateway.events(tree_id, types="node.created,node.completed")
        assert [event.event for event in some] == [
            event.event for event in everything if event.event in {"node.created", "node.completed", "tree.completed"}
        ]
        assert numbers(some) == sorted(numbers(some))


# --- live ------------------------------------------------------------------------------------------------------------


async def test_deltas_come_to_who_asks_for_them_and_only_to_them() -> None:
    async with world() as gateway, served(gateway.app, gateway.settings) as (_, http):
        tree_id = await gateway.stuck()
        async with (
            http.stream("GET", f"/trees/{tree_id}/events?deltas=true") as with_deltas,
            http.stream("GET", f"/trees/{tree_id}/events") as without,
        ):
            first, second = live(with_deltas), live(without)
            assert (await anext(first)).text == (await anext(second)).text == "retry: 2000"
            await gateway.http.post(f"/trees/{tree_id}/cancel")
            assert {event.event for event in [each async for each in first]} >= {"tree.canceled"}
            assert "node.delta" not in {event.event for event in [each async for each in second]}


async def test_a_delta_is_what_the_model_writes() -> None:
    async with world() as gateway, served(gateway.app, gateway.settings) as (_, http):
        gateway.stand_in.fail_next("hang_mid_stream")
        tree_id = await gateway.begin("ANSWER")
        text, seen = "", list[str | None]()
        async with http.stream("GET", f"/trees/{tree_id}/events?deltas=true&types=node.delta") as answer:
            stream = live(answer)
            assert (await anext(stream)).text == "retry: 2000"
            await gateway.http.post(f"/trees/{tree_id}/cancel")
            async for event in stream:
                seen.append(event.event)
                if event.event == "node.delta":
                    assert event.id is None
                    assert event.data["data"]["offset"] == len(text)
                    text += event.data["data"]["text"]
        assert seen[-1] == "tree.canceled"


async def test_two_followers_see_the_same_and_one_may_leave() -> None:
    async with world() as gateway, served(gateway.app, gateway.settings) as (_, http):
        tree_id = await gateway.stuck()
        path = f"/trees/{tree_id}/events"
        async with http.stream("GET", path) as stays:
            stream = live(stays)
            async with http.stream("GET", path) as leaves:
                early = [await anext(event) for event in [live(leaves)]]
            seen = [await anext(stream)]
            assert [event.text for event in seen] == [event.text for event in early]
            await gateway.http.post(f"{path.removesuffix('/events')}/cancel")
            seen += [event async for event in stream]
        assert numbers(seen)[1:] == list(range(1, len(seen)))
        assert seen[-1].event == "tree.canceled"


async def test_a_silent_stream_is_kept_alive() -> None:
    times = StreamTimes(ping_s=0.02)
    async with world(times=times) as gateway, served(gateway.app, gateway.settings) as (_, http):
        tree_id = await gateway.stuck()
        async with http.stream("GET", f"/trees/{tree_id}/events") as answer:
            async for line in answer.aiter_lines():
                if line == ": ping":
                    break


async def test_a_client_that_does_not_read_is_cut_off() -> None:
    async with world(times=StreamTimes(send_s=0.02)) as gateway:
        tree_id = await gateway.stuck()
        sent = list[Message]()

        async def never_read(message: Message) -> None:
            sent.append(message)
            if message["type"] == "http.response.body":
                await asyncio.Event().wait()

        async def receive() -> Message:
            return await asyncio.Queue[Message]().get()

        scope: dict[str, object] = {
            "type": "http",
            "method": "GET",
            "path": f"/trees/{tree_id}/events",
            "query_string": b"",
            "headers": [],
        }
        async with asyncio.timeout(5):
            await gateway.app(scope, receive, never_read)
        assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
        assert (await gateway.http.get(f"/trees/{tree_id}")).json()["status"] == "working"


async def test_deleting_a_tree_ends_the_streams_of_its_followers() -> None:
    async with world() as gateway, served(gateway.app, gateway.settings) as (_, http):
        tree_id = (await gateway.solve("ANSWER")).json()["tree_id"]
        async with asyncio.TaskGroup() as group:
            follower = group.create_task(http.get(f"/trees/{tree_id}/events"))
            group.create_task(http.delete(f"/trees/{tree_id}"))
        assert follower.result().status_code in {200, 404}
        assert (await http.get(f"/trees/{tree_id}/events")).status_code == 404


async def test_streams_are_told_when_the_server_leaves() -> None:
    async with world() as gateway, served(gateway.app, gateway.settings) as (server, http):
        tree_id = await gateway.stuck()
        async with http.stream("GET", f"/trees/{tree_id}/events") as answer:
            stream = live_lines(answer)
            assert await anext(stream) == "retry: 2000"
            server.should_exit = True
            lines = [line async for line in stream if line]
        assert lines[-2:] == [": server is shutting down", "retry: 2000"]
        assert not any(line.startswith("event: tree.") for line in lines[-4:])


async def live_lines(answer: httpx.Response):  # noqa: ANN201 - an async generator of lines
    async for line in answer.aiter_lines():
        yield line


@pytest.mark.parametrize("followers", [50])
async def test_many_may_follow_one_tree(followers: int) -> None:
    async with world() as gateway:
        tree_id, everything = await split(gateway)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(gateway.events(tree_id)) for _ in range(followers)]
        assert all(task.result() == everything for task in tasks)
