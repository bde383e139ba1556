"""Replicas that start, hang, fail and come back."""

from collections.abc import Sequence

import pytest

from rao_runtime.adapters.scripted_steps import Fail, Hang, Say, Step, Wait
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.engine.replica import ReplicaState
from rao_runtime.ports import Message, ModelRequest, Traits, Vitals
from tests.unit.engine.tended import MODEL, Tended, tend

OPENING = (Message("system", "You solve a goal."), Message("user", "Are you there?"))


def answers(_: ModelRequest) -> str:
    return "x"


def hangs(_: ModelRequest) -> Sequence[Step]:
    return [Hang()]


def fails(_: ModelRequest) -> Sequence[Step]:
    return [Fail(FailureKind.SERVER, 500)]


def working() -> Vitals:
    """A replica that says it works and moves nothing."""
    return Vitals(running=1, waiting=0, generated_tokens=7, prompt_tokens=7)


def test_a_replica_reads_the_opening_of_all_prompts_before_it_gets_a_call() -> None:
    async def act(tended: Tended) -> None:
        model = tended.add(lambda _: [Wait(3.0), Say("x")])
        call = tended.ask()
        await tended.clock.sleep(2.0)
        assert not call.done()
        await tended.clock.sleep(2.0)
        assert call.done()
        (primed,) = model.ledger
        assert primed.request.messages == OPENING
        assert primed.request.max_tokens == 1
        assert primed.request.request_id.startswith("upkeep-r1-")

    tend(act, opening=lambda _: OPENING)


def test_a_replica_that_refuses_the_opening_is_up_all_the_same() -> None:
    async def act(tended: Tended) -> None:
        tended.add(lambda _: [Fail(FailureKind.REJECTED, 400)])
        assert (await tended.ask()).replica.id == "r1"

    tend(act, opening=lambda _: OPENING)


def test_a_replica_that_fails_at_the_opening_gets_no_calls_and_says_why() -> None:
    async def act(tended: Tended) -> None:
        tended.add(fails)
        await tended.clock.sleep(5.0)
        (replica,) = tended.replicas
        assert not replica.is_open
        assert replica.down is not None
        assert "SERVER" in replica.down.upper()

    tend(act, opening=lambda _: OPENING)


def test_a_replica_that_hangs_is_out_within_20_seconds_and_its_calls_are_revoked() -> None:
    async def act(tended: Tended) -> None:
        hung, _ = tended.add(answers), tended.add(answers)
        lease = await tended.ask()
        assert lease.replica.id == "r1"
        hung.vitals_now = working
        begun = tended.clock.now()
        hung.script = hangs
        with pytest.raises(ModelError, match="it hangs") as caught:
            async with lease:
                await tended.clock.sleep(1_000.0)
        assert caught.value.kind is FailureKind.TIMEOUT
        assert 10.0 <= tended.clock.now() - begun <= 20.0
        assert tended.replicas[0].state(tended.clock.now()) is ReplicaState.DOWN
        tended.pool.release(lease)
        assert (await tended.ask()).replica.id == "r2"

    tend(act)


def test_a_long_prompt_that_moves_no_counter_is_no_hang_when_a_canary_comes_through() -> None:
    async def act(tended: Tended) -> None:
        slow, _ = tended.add(answers), tended.add(answers)
        slow.vitals_now = working
        await tended.clock.sleep(60.0)
        assert all(replica.is_open for replica in tended.replicas)
        canaries = [attempt for attempt in slow.ledger if attempt.request.request_id.startswith("upkeep-")]
        assert 3 <= len(canaries) <= 6

    tend(act)


def test_the_last_replica_stays_in_though_it_hangs() -> None:
    async def act(tended: Tended) -> None:
        hung = tended.add(hangs)
        hung.vitals_now = working
        await tended.clock.sleep(60.0)
        assert tended.replicas[0].is_open

    tend(act)


def test_a_replica_that_was_taken_out_comes_back_when_it_writes_again() -> None:
    async def act(tended: Tended) -> None:
        hung, _ = tended.add(hangs), tended.add(answers)
        hung.vitals_now = working
        await tended.clock.sleep(30.0)
        assert not tended.replicas[0].is_open
        hung.script = answers
        hung.vitals_now = Vitals
        await tended.clock.sleep(10.0)
        assert tended.replicas[0].is_open

    tend(act)


def test_a_replica_most_of_whose_calls_fail_gets_none_until_a_canary_comes_through() -> None:
    async def act(tended: Tended) -> None:
        bad, _ = tended.add(fails), tended.add(answers)
        await tended.clock.sleep(1.5)
        for _ in range(5):
            lease = await tended.ask(avoid=[1])
            tended.pool.failed(lease, ModelError(FailureKind.SERVER, "broken", status=500), busy_s=0.0)
            tended.pool.release(lease)
        assert tended.replicas[0].down == "most of its calls fail: broken"
        await tended.clock.sleep(20.0)
        assert not tended.replicas[0].is_open
        assert 1 <= len(bad.ledger) <= 3
        bad.script = answers
        await tended.clock.sleep(60.0)
        assert tended.replicas[0].is_open

    tend(act)


def test_the_last_replica_stays_in_though_its_calls_fail() -> None:
    async def act(tended: Tended) -> None:
        tended.add(fails)
        for _ in range(20):
            lease = await tended.ask()
            tended.pool.failed(lease, ModelError(FailureKind.SERVER, "broken"), busy_s=0.0)
            tended.pool.release(lease)
        assert tended.replicas[0].is_open

    tend(act)


def test_what_a_replica_lacks_is_shown() -> None:
    async def act(tended: Tended) -> None:
        model = tended.add(answers)
        model.traits_now = lambda: Traits(version="0.33", kv_tokens=1_000, missing=("It lacks a flag.",))
        await tended.ask()
        shown = tended.replicas[0].view(tended.clock.now())
        assert (shown["version"], shown["missing"], shown["kv"]["tokens"]) == ("0.33", ["It lacks a flag."], 1_000)
        assert shown["models"] == [{"id": MODEL, "window": None}]

    tend(act)


def test_a_replica_that_works_for_others_and_serves_no_model_is_sent_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def act(tended: Tended) -> None:
        model = tended.add(answers, serves=())
        model.vitals_now = working
        await tended.clock.sleep(60.0)
        assert tended.replicas[0].is_open
        assert not model.ledger
        assert not caplog.records

    tend(act)
