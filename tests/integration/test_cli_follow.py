"""Following a tree over connections that break."""

from time import monotonic

import pytest

from rao_runtime.cli.api import Api
from rao_runtime.cli.errors import Refused, Unreachable
from rao_runtime.cli.follow import ATTEMPTS, Follower
from rao_runtime.cli.server_time import from_iso
from tests.integration.cli_replay import NO_CONTENT, TS, events, problem, replay


async def followed(url: str) -> list[object]:
    """The `seq` of every event up to the terminal one."""
    async with Api(url) as api, Follower(api, "t").events() as told:
        return [each.event["seq"] async for each in told]


async def test_a_whole_stream_is_followed_to_its_terminal_event() -> None:
    async with replay([events(1, 2, last="tree.failed")]) as server:
        assert await followed(server.url) == [1, 2, 3]
    assert server.cursors == [None]
    assert server.asked[0].line == "GET /trees/t/events HTTP/1.1"
    assert server.asked[0].headers["accept"] == "text/event-stream"


async def test_a_dropped_connection_is_taken_up_after_the_last_whole_event() -> None:
    async with replay([events(1, 2, cut=True), events(cut=True), events(3, last="tree.completed")]) as server:
        assert await followed(server.url) == [1, 2, 3, 4]
    assert server.cursors == [None, "2", "2"]


async def test_a_server_that_restarts_is_waited_for() -> None:
    answers = [events(1), problem("503 Service Unavailable", "No room"), events(2, last="tree.canceled")]
    async with replay(answers) as server:
        assert await followed(server.url) == [1, 2, 3]


async def test_nothing_more_to_come_ends_it() -> None:
    async with replay([events(1), NO_CONTENT]) as server:
        assert await followed(server.url) == [1]


async def test_a_tree_that_is_gone_after_a_restart_is_said() -> None:
    async with replay([events(1), problem("404 Not Found", "There is no such tree")]) as server:
        with pytest.raises(Refused, match=r"There is no such tree \(404\)"):
            await followed(server.url)
    assert len(server.asked) == 2


async def test_a_server_that_says_nothing_is_given_up_in_the_end() -> None:
    async with replay([events(1), b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"]) as server:
        with pytest.raises(Unreachable, match="ends its streams"):
            await followed(server.url)
    assert len(server.asked) == ATTEMPTS


async def test_a_server_that_is_not_there_is_not_waited_for() -> None:
    async with replay([NO_CONTENT]) as server:
        pass
    with pytest.raises(Unreachable, match="cannot reach"):
        await followed(server.url)


async def test_an_event_that_is_sent_twice_is_told_once() -> None:
    async with replay([events(1, 2), events(1, 2, 3, last="tree.completed")]) as server:
        assert await followed(server.url) == [1, 2, 3, 4]


async def test_the_servers_clock_is_known_from_its_events() -> None:
    async with replay([events(1, last="tree.completed")]) as server, Api(server.url) as api:
        follower = Follower(api, "t")
        async with follower.events() as told:
            before = monotonic()
            assert [each.line[:7] async for each in told] == ['{"seq":', '{"seq":']
        heard = from_iso(TS)
        assert heard is not None
        assert heard <= (follower.time.now(monotonic()) or 0.0) <= heard + monotonic() - before


async def test_lines_that_are_no_events_are_skipped() -> None:
    strange = b'data: not json\n\ndata: [1]\n\ndata: "x"\n\n'
    async with replay([events() + strange + events(1, last="tree.completed").partition(b"\r\n\r\n")[2]]) as server:
        assert await followed(server.url) == [1, 2]
