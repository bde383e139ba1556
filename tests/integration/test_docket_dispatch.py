"""Trees handed out by docket, on real servers."""

import asyncio
import gc
import logging
import signal
import warnings
from collections.abc import Iterator

import pytest

from rao_runtime.adapters.docket_dispatch import Timing
from rao_runtime.core.errors import CannotReplay, JournalUnavailable, Overloaded
from tests.conformance.redis_servers import KINDS, Server, server, shared
from tests.integration.docket_play import Place, Play, once
from tests.integration.docket_program import Crew, end
from tests.integration.redis_proxy import proxy

# No lease lapses: a tree that moves was handed over.
KEEPS = Timing(lease_s=60.0, refused_s=0.1)
QUICK = Timing(lease_s=1.0, patience_s=1.0)


@pytest.fixture(autouse=True)
def dropped_connections() -> Iterator[None]:
    """redis-py drops a connection that it is cancelled over unclosed, now and then: that is no leak of ours.

    It would be told when the garbage collector finds it, in whatever test runs then.
    """
    gc.disable()
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    gc.enable()


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest) -> Place:
    return Place(shared(request.param).url)


@pytest.fixture
def own() -> Iterator[Server]:
    with server("valkey", "--appendonly", "yes") as running:
        yield running


def trees(count: int) -> list[str]:
    return [f"t{n}" for n in range(count)]


async def test_a_worker_runs_what_a_gateway_hands_out_and_leaves_nothing(place: Place) -> None:
    play = Play()
    async with place.gateway() as gateway, place.dispatch(play.worker("w")) as working:
        await gateway.submit("t0")
        await play.until(lambda: play.trees_of("w") == {"t0"})
        assert (gateway.active, working.active) == (0, 1)
        play.ends.set()
        await play.until(lambda: not play.now)
    assert await place.lasting() == {":stream"}
    assert await place.ask("XINFO", "CONSUMERS", f"{place.name}:stream", "docket-workers") == []


async def test_one_worker_runs_hundreds_of_trees_at_once(place: Place) -> None:
    play, all_trees = Play(), trees(300)
    async with place.gateway() as gateway, place.dispatch(play.worker("w"), room=300) as working:
        await asyncio.gather(*map(gateway.submit, all_trees))
        await play.until(lambda: play.trees_of("w") == {*all_trees})
        assert working.active == 300
        assert len((await place.ask("CLIENT", "LIST")).splitlines()) < 100
        play.ends.set()
        await play.until(lambda: not play.now)
    assert await place.lasting() == {":stream"}
    assert play.starts == dict.fromkeys(all_trees, 1)


async def test_two_workers_share_the_trees_and_the_rest_waits(place: Place) -> None:
    play, all_trees = Play(), trees(12)
    async with (
        place.gateway() as gateway,
        place.dispatch(play.worker("a"), room=5),
        place.dispatch(play.worker("b"), room=5),
    ):
        await asyncio.gather(*map(gateway.submit, all_trees))
        await play.until(lambda: len(play.now) == 10)
        assert len(play.trees_of("a")) == len(play.trees_of("b")) == 5
        await once(lambda: gateway.queued == 2)
        play.ends.set()
        await play.until(lambda: len(play.starts) == 12)


async def test_a_tree_is_not_run_twice_at_once_however_often_it_is_handed_out(place: Place) -> None:
    play = Play()
    async with place.gateway() as one, place.gateway() as two, place.dispatch(play.worker("w")) as working:
        await asyncio.gather(*(each.submit("t0") for each in (one, two, working, one)))
        await play.until(lambda: play.trees_of("w") == {"t0"})
        for each in (one, two, working):
            await each.submit("t0")
            await each.recover("t0")
        await one.submit("t1")
        await play.until(lambda: play.trees_of("w") == {"t0", "t1"})
        play.ends.set()
        await play.until(lambda: not play.now)
        await place.gone()
    assert play.starts == {"t0": 1, "t1": 1}


async def test_a_tree_that_has_been_run_can_be_run_again(place: Place) -> None:
    play = Play()
    play.ends.set()
    async with place.gateway() as gateway, place.dispatch(play.worker("w")):
        await gateway.submit("t0")
        await place.gone()
        await gateway.recover("t0")
        await play.until(lambda: play.starts["t0"] == 2)
        await place.gone()
        await gateway.submit("t0")
        await play.until(lambda: play.starts["t0"] == 3)


async def test_a_tree_that_breaks_is_told_of_once_and_not_run_again_by_itself(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    play = Play()
    with caplog.at_level(logging.WARNING):
        async with place.gateway() as gateway, place.dispatch(play.worker("w", raises=ZeroDivisionError())):
            await gateway.submit("t0")
            await place.gone()
            assert play.starts == {"t0": 1}
            assert [record.getMessage() for record in caplog.records] == ["tree t0 broke"]
            await gateway.submit("t0")
            await play.until(lambda: play.starts["t0"] == 2)


async def test_a_tree_that_one_worker_cannot_replay_goes_to_another(place: Place) -> None:
    play = Play()
    refusing, taking = play.worker("old", raises=CannotReplay("t0")), play.worker("new")
    async with place.gateway() as gateway, place.dispatch(refusing, timing=KEEPS):
        await gateway.submit("t0")
        await play.until(lambda: play.starts["t0"] >= 1)
        async with place.dispatch(taking, timing=KEEPS):
            await play.until(lambda: play.trees_of("new") == {"t0"})
            play.ends.set()
            await play.until(lambda: not play.now)
            await place.gone()


async def test_a_worker_that_stops_hands_its_trees_over_at_once(place: Place) -> None:
    play, all_trees = Play(), trees(20)
    async with place.gateway() as gateway, place.dispatch(play.worker("a"), timing=KEEPS) as stopping:
        await asyncio.gather(*map(gateway.submit, all_trees))
        await play.until(lambda: play.trees_of("a") == {*all_trees})
        async with place.dispatch(play.worker("b"), timing=KEEPS):
            await stopping.stop()
            assert stopping.active == 0
            await play.until(lambda: play.trees_of("b") == {*all_trees}, within_s=3.0)
            play.ends.set()
            await play.until(lambda: not play.now)
    assert await place.lasting() == {":stream"}
    assert max(play.most.values()) == 1


async def test_a_closed_worker_takes_no_more_trees_and_goes_on_with_those_it_has(place: Place) -> None:
    play = Play()
    async with place.gateway() as gateway, place.dispatch(play.worker("a")) as closing:
        await gateway.submit("t0")
        await play.until(lambda: play.trees_of("a") == {"t0"})
        closing.close()
        with pytest.raises(Overloaded):
            await closing.submit("t1")
        await gateway.submit("t1")
        async with place.dispatch(play.worker("b")):
            await play.until(lambda: play.trees_of("b") == {"t1"})
            assert play.trees_of("a") == {"t0"}
            play.ends.set()
            await play.until(lambda: not play.now)


async def test_more_trees_than_may_wait_are_turned_away_until_a_worker_comes(place: Place) -> None:
    play = Play()
    async with place.gateway(max_queued=3) as gateway:
        for tree_id in trees(4):
            await gateway.submit(tree_id)
        with pytest.raises(Overloaded) as refused:
            await gateway.submit("t4")
        assert refused.value.retry_after_s == 5.0
        await gateway.recover("t5")
        async with place.dispatch(play.worker("w")):
            await play.until(lambda: len(play.now) == 5)
            await once(lambda: not gateway.queued)
            await gateway.submit("t4")
            await play.until(lambda: len(play.now) == 6)


async def test_a_password_and_a_plain_connection_will_do() -> None:
    play = Play()
    with server("redis" if "redis" in KINDS else "valkey", "--requirepass", "s3cret") as guarded:
        secret = Place(guarded.url.replace("unix://", "unix://:s3cret@"), "plain")
        async with proxy(guarded.socket) as between:
            url = between.url.replace("redis://", "redis://:s3cret@")
            async with secret.gateway(url=url) as gateway, secret.dispatch(play.worker("w")):
                await gateway.submit("t0")
                await play.until(lambda: play.trees_of("w") == {"t0"})
                assert all(key.startswith(b"{plain}:") for key in await secret.ask("KEYS", "*"))


async def test_a_killed_worker_s_trees_go_to_another_within_ten_seconds(own: Server) -> None:
    place, all_trees = Place(own.url), trees(100)
    crew = Crew(own.url, place.name)
    async with place.gateway() as gateway, crew.worker("a") as killed:
        await asyncio.gather(*map(gateway.submit, all_trees))
        await crew.says(*(f"start a {tree_id}" for tree_id in all_trees))
        async with crew.worker("b") as other:
            killed.kill()
            await crew.says(*(f"start b {tree_id}" for tree_id in all_trees), within_s=10)
            for tree_id in all_trees:
                end(other, tree_id)
            await crew.says(*(f"end b {tree_id}" for tree_id in all_trees))
            await place.gone()


async def test_a_suspended_worker_s_tree_is_the_other_s_also_when_it_comes_back(own: Server) -> None:
    place = Place(own.url)
    crew = Crew(own.url, place.name)
    async with place.gateway() as gateway, crew.worker("a") as former:
        await gateway.submit("t0")
        await crew.says("start a t0")
        async with crew.worker("b") as owner:
            former.send_signal(signal.SIGSTOP)
            await crew.says("start b t0", within_s=10)
            former.send_signal(signal.SIGCONT)
            end(former, "t0")
            await crew.says("end a t0")
            # It stays b's, although a has had its message, and has ended.
            await place.keeps("t0", for_s=3.0)
            end(owner, "t0")
            await crew.says("end b t0")
            await place.gone()


async def test_a_worker_told_to_end_hands_its_trees_over(own: Server) -> None:
    place = Place(own.url)
    crew = Crew(own.url, place.name)
    async with place.gateway() as gateway, crew.worker("a") as ending:
        await gateway.submit("t0")
        await crew.says("start a t0")
        async with crew.worker("b"):
            ending.terminate()
            await crew.says("start b t0", within_s=3)
            assert await ending.wait() == 0


async def test_trees_stay_where_they_are_when_redis_restarts(own: Server, caplog: pytest.LogCaptureFixture) -> None:
    play, place = Play(), Place(own.url)
    async with (
        place.gateway(patience_s=1.0) as gateway,
        place.dispatch(play.worker("a"), timing=QUICK),
        place.dispatch(play.worker("b"), timing=QUICK),
    ):
        await asyncio.gather(*map(gateway.submit, trees(20)))
        await play.until(lambda: len(play.now) == 20)
        before = {name: play.trees_of(name) for name in "ab"}
        own.kill()
        with pytest.raises(JournalUnavailable):
            await gateway.submit("t20")
        await gateway.recover("t20")
        # Long enough for every lease to lapse.
        await play.never(lambda: len(play.now) != 20, for_s=2.0)
        own.start()
        await gateway.submit("t21")
        await play.until(lambda: ("a", "t21") in play.now or ("b", "t21") in play.now, within_s=10.0)
        await play.never(lambda: len(play.now) != 21, for_s=3.0)
        assert all(before[name] <= play.trees_of(name) for name in "ab")
        assert set(play.starts.values()) == {1}
        play.ends.set()
        await play.until(lambda: not play.now)
        await place.gone()
    assert sum(record.levelno >= logging.WARNING for record in caplog.records) <= 8


async def test_a_worker_whose_connections_break_goes_on_and_takes_more(place: Place) -> None:
    play = Play()
    async with place.gateway() as gateway, place.dispatch(play.worker("a"), room=2, timing=QUICK):
        await gateway.submit("t0")
        await play.until(lambda: play.trees_of("a") == {"t0"})
        await place.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        for tree_id in trees(4)[1:]:
            await gateway.submit(tree_id)
        await play.until(lambda: play.trees_of("a") == {"t0", "t1"})
        # Its room is what it was.
        await play.never(lambda: len(play.now) != 2, for_s=2.0)
        play.ends.set()
        await play.until(lambda: len(play.starts) == 4 and not play.now)
        await place.gone()
    assert set(play.starts.values()) == {1}


async def test_a_worker_can_stop_while_redis_is_away(own: Server) -> None:
    play, place = Play(), Place(own.url)
    async with place.dispatch(play.worker("a"), timing=QUICK) as stopping:
        await stopping.submit("t0")
        await play.until(lambda: play.trees_of("a") == {"t0"})
        own.kill()
        async with asyncio.timeout(5):
            await stopping.stop()
        assert not play.now
    own.start()
    async with place.dispatch(play.worker("b"), timing=QUICK):
        await play.until(lambda: play.trees_of("b") == {"t0"})


async def test_a_process_opens_before_redis_does(own: Server) -> None:
    play, place = Play(), Place(own.url)
    own.kill()
    async with place.dispatch(play.worker("a"), timing=QUICK) as early:
        with pytest.raises(JournalUnavailable):
            await early.submit("t0")
        own.start()
        await early.submit("t0")
        await play.until(lambda: play.trees_of("a") == {"t0"})
