"""The link to Redis, and how it bears what goes wrong there."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.adapters.redis_scripts import script
from rao_runtime.adapters.redis_wire import Refusal
from rao_runtime.core.errors import JournalUnavailable
from tests.conformance.redis_servers import KINDS, Server, new_prefix, server, shared
from tests.integration.redis_proxy import proxy
from tests.integration.redis_watch import told


@pytest.fixture(params=KINDS)
def own(request: pytest.FixtureRequest) -> Iterator[Server]:
    with server(request.param, "--appendonly", "yes") as running:
        yield running


@pytest.fixture(params=KINDS)
def common(request: pytest.FixtureRequest) -> Server:
    return shared(request.param)


async def test_commands_of_one_turn_travel_together_and_in_order(common: Server) -> None:
    async with proxy(common.socket) as between, RedisLink(between.url, prefix=new_prefix()) as link:
        between.chunks.clear()
        replies = await asyncio.gather(*(link.call("ECHO", n) for n in range(50)))
        assert replies == [b"%d" % n for n in range(50)]
        assert len(between.chunks) == 1


async def test_replies_come_as_redis_gives_them(common: Server) -> None:
    async with RedisLink(common.url, prefix=new_prefix()) as link:
        key = link.keys.index("x")
        assert await link.call("SET", key, b"\x00\xff", "EX", 10) == b"OK"
        assert await link.call("GET", key) == b"\x00\xff"
        assert await link.call("GET", link.keys.index("y")) is None
        assert await link.call("STRLEN", key) == 2
        assert await link.call("MGET", key) == [b"\x00\xff"]
        with pytest.raises(Refusal, match="WRONGTYPE"):
            await link.call("LPUSH", key, "x")


async def test_a_script_is_loaded_where_redis_does_not_know_it(common: Server) -> None:
    known = script("test_echo", "index", (), "return ARGV[1]")
    async with RedisLink(common.url, prefix=new_prefix()) as link:
        await link.call("SCRIPT", "FLUSH")
        assert await link.run(known, (), ("a",)) == b"a"
        assert await link.call("SCRIPT", "EXISTS", known.sha1) == [1]
        assert await link.run(known, (), ("b",)) == b"b"


async def test_a_cancelled_call_does_not_disturb_the_others(common: Server) -> None:
    async with RedisLink(common.url, prefix=new_prefix()) as link, asyncio.TaskGroup() as group:
        first = group.create_task(link.call("ECHO", "first"))
        second = group.create_task(link.call("ECHO", "second"))
        third = group.create_task(link.call("ECHO", "third"))
        await link.call("PING")
        second.cancel()
        late = group.create_task(link.call("ECHO", "late"))
    assert [await first, await third, await late] == [b"first", b"third", b"late"]


async def test_a_call_cancelled_before_its_reply_leaves_the_order_as_it_is(own: Server) -> None:
    async with RedisLink(own.url, prefix=new_prefix()) as link:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await link.call("DEBUG", "SLEEP", "0.2")
        assert await link.call("ECHO", "next") == b"next"


async def test_a_link_that_is_well_says_so_and_leaves_no_key(common: Server) -> None:
    async with RedisLink(common.url, prefix=new_prefix()) as link:
        health = link.health()
        assert (health.kind, health.ready, health.detail) == ("redis", True, None)
        assert await link.call("EXISTS", link.keys.probe) == 0


async def test_a_server_that_is_not_there_makes_the_link_not_ready(tmp_path: Path) -> None:
    async with RedisLink(f"unix://:s3cret@{tmp_path}/none.sock", patience_s=0.1) as link:
        health = link.health()
        assert not health.ready
        assert health.detail is not None
        assert re.search(r"no connection to Redis at .*none.sock", health.detail)
        assert "s3cret" not in health.detail
        with pytest.raises(JournalUnavailable, match="no connection"):
            await link.call("PING")


async def test_a_link_waits_for_a_server_that_comes_later(own: Server) -> None:
    own.kill()
    async with RedisLink(own.url, prefix=new_prefix()) as link, asyncio.TaskGroup() as group:
        waiting = group.create_task(link.call("ECHO", "there", patient=True))
        own.start()
    assert waiting.result() == b"there"


@pytest.mark.parametrize("password", ["", "wrong"], ids=["no password", "a wrong password"])
async def test_a_refused_log_on_is_said_in_plain_words(own: Server, password: str) -> None:
    async with RedisLink(own.url) as admin:
        await admin.call("CONFIG", "SET", "requirepass", "s3cret")
        with_password = own.url.replace("unix://", f"unix://:{password}@") if password else own.url
        async with RedisLink(with_password, patience_s=0.1) as link:
            assert "password" in str(link.health().detail)
        async with RedisLink(own.url.replace("unix://", "unix://:s3cret@")) as link:
            assert link.health().ready


async def test_a_restart_is_waited_out_and_told_once_each_way(own: Server) -> None:
    with told() as log:
        async with RedisLink(own.url, prefix=new_prefix()) as link:
            key, name = link.keys.index("x"), link.server
            await link.call("SET", key, "1", "EX", 100)
            own.kill()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await link.call("GET", key, patient=True)
            assert not link.health().ready
            async with asyncio.TaskGroup() as group:
                readers = [group.create_task(link.call("GET", key, patient=True)) for _ in range(20)]
                own.start()
            assert {reader.result() for reader in readers} == {b"1"}
            assert link.health().ready
            assert link.server != name
    assert [message for message in log.messages if "connection" in message or "well" in message] == log.messages
    assert len(log.messages) == 2


async def test_a_full_redis_stops_writes_until_there_is_room(own: Server) -> None:
    with told() as log:
        async with RedisLink(own.url, prefix=new_prefix(), patience_s=0.3) as link:
            key = link.keys.index("x")
            await link.call("CONFIG", "SET", "maxmemory", "1")
            with pytest.raises(JournalUnavailable, match="out of memory"):
                await link.call("SET", key, "1", "EX", 100)
            health = link.health()
            assert not health.ready
            assert "out of memory" in str(health.detail)
            assert await link.call("GET", key) is None
            patient = asyncio.create_task(link.call("SET", key, "2", "EX", 100, patient=True))
            done, _ = await asyncio.wait([patient], timeout=0.5)
            assert not done
            await link.call("CONFIG", "SET", "maxmemory", "0")
            assert await patient == b"OK"
            await log.wait_for("well again")
            assert link.health().ready


async def test_a_full_redis_is_noticed_when_nobody_writes(own: Server) -> None:
    with told() as log:
        async with RedisLink(own.url, prefix=new_prefix()) as link:
            await link.call("CONFIG", "SET", "maxmemory", "1")
            await log.wait_for("out of memory")
            assert not link.health().ready
            await link.call("CONFIG", "SET", "maxmemory", "0")
            await log.wait_for("well again")
            assert link.health().ready


async def test_a_read_only_replica_takes_no_writes(own: Server) -> None:
    async with RedisLink(own.url, prefix=new_prefix(), patience_s=0.3) as link:
        await link.call("REPLICAOF", "127.0.0.1", "1")
        with pytest.raises(JournalUnavailable, match="replica"):
            await link.call("SET", link.keys.index("x"), "1", "EX", 100)
        assert "replica" in str(link.health().detail)
        await link.call("REPLICAOF", "NO", "ONE")
        assert await link.call("SET", link.keys.index("x"), "1", "EX", 100, patient=True) == b"OK"


async def test_a_server_that_falls_silent_holds_nobody_up_for_ever(common: Server) -> None:
    async with proxy(common.socket) as between, RedisLink(between.url, prefix=new_prefix(), patience_s=0.4) as link:
        between.fall_silent()
        async with asyncio.timeout(10):
            with pytest.raises(JournalUnavailable):
                await link.call("PING")
        assert not link.health().ready
        between.speak()
        assert await link.call("ECHO", "again", patient=True) == b"again"


async def test_a_slow_reply_is_waited_for(own: Server) -> None:
    async with RedisLink(own.url, prefix=new_prefix(), patience_s=3) as link:
        slow = asyncio.create_task(link.call("DEBUG", "SLEEP", "0.5"))
        assert await link.call("ECHO", "after") == b"after"
        assert await slow == b"OK"
        assert link.health().ready


async def test_a_command_whose_reply_was_lost_is_sent_again(common: Server) -> None:
    async with proxy(common.socket) as between, RedisLink(between.url, prefix=new_prefix()) as link:
        between.lose_reply_to(b"lost-once")
        assert await link.call("ECHO", "lost-once") == b"lost-once"
        assert between.lost.is_set()


async def test_what_is_offered_in_trouble_is_dropped(own: Server) -> None:
    async with RedisLink(own.url, prefix=new_prefix(), patience_s=0.2) as link:
        key = link.keys.index("x")
        assert link.offer("SET", key, "1", "EX", 100)
        assert await link.call("GET", key) == b"1"
        own.kill()
        with pytest.raises(JournalUnavailable):
            await link.call("PING")
        assert not link.offer("SET", key, "2", "EX", 100)


async def test_databases_are_apart(common: Server) -> None:
    prefix = new_prefix()
    async with RedisLink(common.url, prefix=prefix) as here, RedisLink(f"{common.url}?db=3", prefix=prefix) as there:
        await here.call("SET", here.keys.index("x"), "1", "EX", 100)
        assert await there.call("GET", there.keys.index("x")) is None


async def test_a_server_of_another_kind_is_not_taken_for_redis(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    path = str(tmp_path / "http.sock")
    async with await asyncio.start_unix_server(answer, path), RedisLink(f"unix://{path}", patience_s=0.2) as link:
        assert "no connection" in str(link.health().detail)
