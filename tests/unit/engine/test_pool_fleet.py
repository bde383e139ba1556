"""Replicas that come and go while the pool works, and trees that have to wait."""

import asyncio

import pytest

from rao_runtime.adapters.scripted_model import ScriptedModel
from rao_runtime.core.affinity import Affinity
from rao_runtime.core.errors import FailureKind, ModelError, ReplicaKnown, UnknownReplica
from rao_runtime.core.placement import PromptKey, Segment
from rao_runtime.core.usage import Tokens
from rao_runtime.engine.fleet import Fleet
from rao_runtime.engine.lease import Lease
from rao_runtime.ports import ModelRequest, ServedModel, Traits, Vitals
from tests.unit.engine.tended import MODEL, Tended, tend


def answers(_: ModelRequest) -> str:
    return "x"


def key(text: str) -> PromptKey:
    return PromptKey((Segment(hash(text), 1_000),))


def fleet_of(tended: Tended) -> Fleet:
    def connect(url: str) -> ScriptedModel:
        return ScriptedModel(tended.clock, answers, name=url, models=[ServedModel(MODEL, None)])

    return Fleet(tended.pool, tended.clock, connect)


def test_a_replica_that_is_added_takes_the_calls_that_wait() -> None:
    async def act(tended: Tended) -> None:
        call = tended.ask()
        await tended.clock.sleep(5.0)
        assert not call.done()
        shown = await fleet_of(tended).add("http://new", slots=2)
        assert (shown["state"], shown["slots"]) == ("starting", 2)
        assert (await call).replica.name == "http://new"

    tend(act)


def test_the_same_url_twice_is_refused_until_the_first_is_drained() -> None:
    async def act(tended: Tended) -> None:
        fleet = fleet_of(tended)
        await fleet.add("http://new")
        with pytest.raises(ReplicaKnown) as caught:
            await fleet.add("http://new")
        assert caught.value.replica_id == "r1"
        lease = await tended.ask()
        fleet.drain("r1")
        assert (await fleet.add("http://new"))["id"] == "r2"
        tended.pool.release(lease)

    tend(act)


def test_a_drained_replica_ends_its_calls_and_is_gone_after_the_last() -> None:
    async def act(tended: Tended) -> None:
        fleet = fleet_of(tended)
        await fleet.add("http://one")
        lease = await tended.ask()
        assert fleet.drain("r1")["state"] == "draining"
        assert fleet.drain("r1")["in_flight"] == 1
        waiting = tended.ask()
        await tended.clock.sleep(5.0)
        assert not waiting.done()
        tended.pool.release(lease)
        assert fleet.views() == []
        with pytest.raises(UnknownReplica):
            fleet.drain("r1")
        await fleet.add("http://two")
        assert (await waiting).replica.id == "r2"

    tend(act)


def test_a_call_on_a_replica_that_is_taken_out_ends_and_a_cancel_stays_a_cancel() -> None:
    async def act(tended: Tended) -> None:
        tended.add(answers)
        tended.add(answers)

        async def use(lease: Lease) -> None:
            async with lease:
                await tended.clock.sleep(1_000.0)

        for cancelled, raised in ((False, ModelError), (True, asyncio.CancelledError)):
            lease = await tended.ask()
            using = asyncio.create_task(use(lease))
            await tended.clock.sleep(1.0)
            if cancelled:
                using.cancel()
            lease.revoke("it hangs")
            with pytest.raises(raised):
                await using
            with pytest.raises(ModelError, match="it hangs"):
                await use(lease)

    tend(act)


def test_trees_beyond_the_limit_wait_until_another_ended() -> None:
    async def act(tended: Tended) -> None:
        tended.add(answers)
        first = await tended.ask(tree="a")
        tended.pool.limit_trees(1)
        second, more_of_first = tended.ask(tree="b"), tended.ask(tree="a")
        await tended.clock.sleep(0.5)
        assert (second.done(), more_of_first.done()) == (False, True)
        assert tended.pool.queued == 1
        tended.pool.limit_trees(1)
        tended.pool.tree_ended("a")
        assert (await second).ticket.tree == "b"
        assert first.replica.load.in_flight == 3

    tend(act)


def test_a_call_of_a_tree_that_waits_can_be_cancelled() -> None:
    async def act(tended: Tended) -> None:
        tended.add(answers)
        await tended.ask(tree="a")
        tended.pool.limit_trees(1)
        waiting = tended.ask(tree="b")
        await tended.clock.sleep(0.5)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert tended.pool.queued == 0
        tended.pool.tree_ended("a")
        assert tended.pool.active_trees == 0

    tend(act)


def test_a_slot_that_comes_free_goes_to_the_next_call_whose_prefix_is_there_else_to_the_first() -> None:
    async def act(tended: Tended) -> None:
        tended.add(answers)
        tended.add(answers)
        held = [await tended.ask(prompt=key("one")), await tended.ask(prompt=key("two"))]
        assert [lease.replica.id for lease in held] == ["r1", "r2"]
        for_two, for_one = tended.ask(prompt=key("two")), tended.ask(prompt=key("one"))
        await tended.clock.sleep(0.5)
        tended.pool.release(held[0])
        assert (await for_one).replica.id == "r1"
        tended.pool.release(for_one.result())
        assert (await for_two).replica.id == "r1"

    tend(act, slots=1, placement=Affinity())


def test_a_call_that_was_cancelled_before_its_grant_is_not_held_to_have_been_sent() -> None:
    async def act(tended: Tended) -> None:
        tended.add(answers)
        held = await tended.ask(prompt=key("one"))
        waiting = tended.ask(prompt=key("two"))
        await tended.clock.sleep(0.5)
        waiting.cancel()
        tended.pool.release(held)
        assert (await tended.ask(prompt=key("two"))).cached_tokens == 0

    tend(act, slots=1, placement=Affinity())


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_call_that_ends_or_is_cancelled_at_its_grant_gives_its_room_in_the_kv_cache_back(cancelled: bool) -> None:
    async def act(tended: Tended) -> None:
        tended.add(answers).traits_now = lambda: Traits(kv_tokens=2_000)
        held = await tended.ask(prompt=key("one"))
        waiting = tended.ask(prompt=key("two"))
        await tended.clock.sleep(0.5)
        assert not waiting.done(), "a slot is free, and no room for its prompt"
        tended.pool.release(held)
        if cancelled:
            waiting.cancel()
            await asyncio.wait([waiting])
        else:
            tended.pool.release(await waiting)
        async with asyncio.timeout(1.0):
            assert (await tended.ask(prompt=key("three"))).replica.load.in_flight == 1

    tend(act, placement=Affinity())


def test_how_many_tokens_a_prompt_really_has_is_learned_from_replicas_that_tell_of_no_cached_ones() -> None:
    async def act(tended: Tended) -> None:
        tended.add(answers).traits_now = lambda: Traits(kv_tokens=4_000)
        for number in range(60):
            lease = await tended.ask(prompt=key(str(number)))
            tended.pool.succeeded(lease, Tokens(input=2_000, output=1))
            tended.pool.release(lease)
        calls = [tended.ask(prompt=key(text)) for text in ("one", "two")]
        await tended.clock.sleep(0.5)
        assert [call.done() for call in calls] == [True, False], "by the estimate there is room for three"
        calls[1].cancel()

    tend(act, placement=Affinity())


def test_models_that_share_a_replica_take_turns_in_the_order_of_asking() -> None:
    async def act(tended: Tended) -> None:
        tended.add(answers, serves=("a", "z"))
        held = await tended.ask(model="a")
        waiting = list[asyncio.Task[Lease]]()
        for model in ("a", "a", "z", "a", "z"):
            waiting.append(tended.ask(model=model))
            await tended.clock.sleep(0.1)
        for call in waiting:
            tended.pool.release(held)
            async with asyncio.timeout(1.0):
                held = await call
        tended.pool.release(held)

    tend(act, slots=1)


def test_a_model_whose_replica_is_full_does_not_hold_up_another_one_with_room() -> None:
    async def act(tended: Tended) -> None:
        tended.add(answers, serves=("a", "z"))
        held = await tended.ask(model="a")
        first, second = tended.ask(model="a"), tended.ask(model="z")
        await tended.clock.sleep(0.5)
        tended.add(answers, serves=("z",))
        assert (await second).replica.id == "r2"
        assert not first.done()
        tended.pool.release(held)
        await first

    tend(act, slots=1)


def test_a_connection_that_fails_takes_a_replica_out_until_it_answers() -> None:
    async def act(tended: Tended) -> None:
        model = tended.add(answers)
        lease = await tended.ask()
        model.up = False
        tended.pool.failed(lease, ModelError(FailureKind.UNREACHABLE, "no route"), busy_s=0.0)
        assert fleet_of(tended).view("r1")["why"] == "no route"
        model.up = True
        await tended.clock.sleep(3.0)
        assert fleet_of(tended).view("r1")["state"] == "ready"

    tend(act)


def test_a_replica_that_caches_and_never_says_so_lacks_a_flag() -> None:
    async def act(tended: Tended) -> None:
        tended.add(answers).vitals_now = lambda: Vitals(prefix_hits=500)
        for _ in range(20):
            lease = await tended.ask()
            assert fleet_of(tended).view("r1")["missing"] == []
            tended.pool.succeeded(lease, Tokens(input=10, output=1))
            tended.pool.release(lease)
        (missing,) = fleet_of(tended).view("r1")["missing"]
        assert "--enable-prompt-tokens-details" in missing
        lease = await tended.ask()
        tended.pool.succeeded(lease, Tokens(input=10, cached=5, output=1))
        assert fleet_of(tended).view("r1")["missing"] == []

    tend(act)
