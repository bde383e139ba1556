"""Following a tree on behalf of a display: events as they came, and what time it is on the server."""

from time import monotonic

import pytest

from rao_runtime.cli.api import connected
from rao_runtime.cli.follow import Follower
from rao_runtime.cli.server_time import from_iso
from rao_runtime.client import Unreachable
from tests.integration.cli_replay import TS, events, replay


async def followed(url: str) -> list[object]:
    """The `seq` of every event up to the terminal one."""
    async with connected(url) as client, Follower(client, "t").events() as told:
        return [each.event["seq"] async for each in told]


async def test_a_dropped_connection_is_taken_up_after_the_last_whole_event() -> None:
    async with replay([events(1, 2, cut=True), events(3, last="tree.completed")]) as server:
        assert await followed(server.url) == [1, 2, 3, 4]
    assert server.cursors == [None, "2"]


async def test_a_server_that_is_not_there_is_not_waited_for() -> None:
    async with replay([events(1)]) as server:
        pass
    with pytest.raises(Unreachable, match="cannot reach"):
        await followed(server.url)


async def test_the_servers_clock_is_known_from_its_events() -> None:
    async with replay([events(1, last="tree.completed")]) as server, connected(server.url) as client:
        follower = Follower(client, "t")
        async with follower.events() as told:
            before = monotonic()
            assert [each.line[:7] async for each in told] == ['{"seq":', '{"seq":']
        heard = from_iso(TS)
        assert heard is not None
        assert heard <= (follower.time.now(monotonic()) or 0.0) <= heard + monotonic() - before
