"""Replicas that start, hang, fail and come back."""

from collections.abc import Callable, Sequence
from typing import Never

import pytest

from rao_runtime.adapters.scripted_steps import Fail, Hang, Say, Step, Wait
from rao_runtime.core.affinity import Affinity
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.placement import PromptKey, Segment
from rao_runtime.core.profile import Profile
from rao_runtime.engine.prompt import Prompt
from rao_runtime.engine.replica import ReplicaState
from rao_runtime.ports import Message, ModelRequest, Traits, Vitals
from tests.unit.engine.tended import MODEL, Tended, tend

GREETING = Message("system", "You solve a goal. " * 20)
OPENING = (GREETING, Message("user", "Are you there?"))


def opening(model: str) -> Prompt:
    return Prompt(Profile(model=model), list(OPENING))


def first_prompt() -> PromptKey:
    """The key of a node's first prompt."""
    return Prompt(Profile(model=MODEL), [GREETING, Message("user", "Goal: count the lines.")]).key()


def answers(_: ModelRequest) -> str:
    return "x"


def hangs(_: ModelRequest) -> Sequence[Step]:
    return [Hang()]


def compiles(_: ModelRequest) -> Sequence[Step]:
    return [Wait(30.0), Say("x")]


def fails(_: ModelRequest) -> Sequence[Step]:
    return [Fail(FailureKind.SERVER, 500)]


def raises(kind: FailureKind) -> Callable[[], Never]:
    def look() -> Never:
        raise ModelError(kind, "HTTP 500: no page")

    return look


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

    tend(act, opening=opening)


def test_a_replica_is_expected_to_have_the_opening_cached_also_after_a_restart() -> None:
    async def act(tended: Tended) -> None:
        model = tended.add(answers)
        before = await tended.ask(prompt=first_prompt())
        tended.pool.release(before)
        model.up = False
        await tended.clock.sleep(5.0)
        model.up = True
        after = await tended.ask(prompt=first_prompt())
        primed = model.ledger[0].tokens
        assert primed is not None
        assert 0.9 * primed.input < before.cached_tokens < primed.input
        assert after.cached_tokens == before.cached_tokens

    tend(act, opening=opening, placement=Affinity())


def test_a_replica_that_refuses_the_opening_is_not_expected_to_hold_it() -> None:
    async def act(tended: Tended) -> None:
        tended.add(lambda _: [Fail(FailureKind.REJECTED, 400)])
        assert (await tended.ask(prompt=first_prompt())).cached_tokens == 0

    tend(act, opening=opening, placement=Affinity())


def test_a_replica_that_refuses_the_opening_is_up_all_the_same() -> None:
    async def act(tended: Tended) -> None:
        tended.add(lambda _: [Fail(FailureKind.REJECTED, 400)])
        assert (await tended.ask()).replica.id == "r1"

    tend(act, opening=opening)


def test_a_replica_that_fails_at_the_opening_gets_no_calls_and_says_why() -> None:
    async def act(tended: Tended) -> None:
        tended.add(fails)
        await tended.clock.sleep(5.0)
        (replica,) = tended.replicas
        assert not replica.is_open
        assert replica.down is not None
        assert "SERVER" in replica.down.upper()

    tend(act, opening=opening)


def test_a_replica_that_fails_at_every_opening_is_asked_less_and_less_and_is_back_once_it_answers() -> None:
    async def act(tended: Tended) -> None:
        model = tended.add(fails)
        await tended.clock.sleep(600.0)
        assert len(model.ledger) < 25
        model.script = answers
        begun = tended.clock.now()
        await tended.ask()
        assert tended.clock.now() - begun <= 62.0

    tend(act, opening=opening)


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


def test_calls_at_a_replica_that_can_no_longer_be_reached_go_elsewhere_within_20_seconds() -> None:
    async def act(tended: Tended) -> None:
        lost, _ = tended.add(answers), tended.add(answers)
        held, lease = await tended.ask(avoid=[1]), await tended.ask(avoid=[1])
        lost.up = False
        begun = tended.clock.now()
        tended.pool.failed(lease, ModelError(FailureKind.UNREACHABLE, "no route to host"), busy_s=0.0)
        with pytest.raises(ModelError, match="r0 is down"):
            async with held:
                await tended.clock.sleep(1_000.0)
        assert 9.0 <= tended.clock.now() - begun <= 20.0

    tend(act)


def test_calls_at_a_replica_that_is_back_soon_stay_there() -> None:
    async def act(tended: Tended) -> None:
        lost, _ = tended.add(answers), tended.add(answers)
        held = await tended.ask(avoid=[1])
        async with held:
            for _ in range(5):
                lost.up = False
                tended.pool.failed(held, ModelError(FailureKind.UNREACHABLE, "no route to host"), busy_s=0.0)
                await tended.clock.sleep(8.0)
                lost.up = True
                await tended.clock.sleep(3.0)
                assert tended.replicas[0].is_open

    tend(act)


def test_calls_at_the_last_replica_stay_there_though_it_cannot_be_reached() -> None:
    async def act(tended: Tended) -> None:
        lost = tended.add(answers)
        async with await tended.ask():
            lost.up = False
            await tended.clock.sleep(60.0)

    tend(act)


def test_calls_at_a_replica_that_was_taken_out_and_hangs_then_go_elsewhere_within_20_seconds() -> None:
    async def act(tended: Tended) -> None:
        bad, _ = tended.add(fails), tended.add(answers)
        bad.vitals_now = lambda: Vitals(running=1, generated_tokens=int(tended.clock.now()))
        held = await tended.ask(avoid=[1])
        for _ in range(5):
            tended.pool.failed(held, ModelError(FailureKind.SERVER, "broken", status=500), busy_s=0.0)
        async with held:
            await tended.clock.sleep(30.0)
        stuck = bad.vitals_now()
        bad.vitals_now, bad.script = lambda: stuck, hangs
        begun = tended.clock.now()
        with pytest.raises(ModelError, match="it hangs"):
            async with held:
                await tended.clock.sleep(1_000.0)
        assert 10.0 <= tended.clock.now() - begun <= 20.0

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


def test_a_replica_that_was_taken_out_and_has_started_again_has_time_for_its_first_call() -> None:
    async def act(tended: Tended) -> None:
        hung, _ = tended.add(hangs), tended.add(answers)
        hung.vitals_now = working
        await tended.clock.sleep(30.0)
        assert not tended.replicas[0].is_open
        hung.script = compiles
        hung.vitals_now = lambda: Vitals(running=0, generated_tokens=0, prompt_tokens=0)
        await tended.clock.sleep(60.0)
        assert tended.replicas[0].is_open

    tend(act)


def test_a_replica_that_could_not_be_reached_for_a_moment_still_holds_what_it_was_sent() -> None:
    async def act(tended: Tended) -> None:
        model = tended.add(answers)
        model.vitals_now = lambda: Vitals(generated_tokens=7)
        for cached in (0, 1_000, 1_000):
            lease = await tended.ask(prompt=PromptKey((Segment(1, 1_000),)))
            assert lease.cached_tokens == cached
            tended.pool.release(lease)
            model.up = False
            await tended.clock.sleep(5.0)
            assert not tended.replicas[0].is_open
            model.up = True

    tend(act, placement=Affinity())


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


@pytest.mark.parametrize("kind", [FailureKind.SERVER, FailureKind.BUSY, FailureKind.BROKEN, FailureKind.REJECTED])
def test_a_replica_that_fails_at_telling_of_itself_is_up_all_the_same(kind: FailureKind) -> None:
    async def act(tended: Tended) -> None:
        model = tended.add(answers)
        model.traits_now, model.vitals_now = raises(kind), raises(kind)
        assert (await tended.ask()).replica.id == "r1"
        (missing,) = tended.replicas[0].missing
        assert missing == "It does not tell its version and metrics: HTTP 500: no page."

    tend(act)


def test_a_replica_that_is_down_says_what_it_was_asked_for() -> None:
    async def act(tended: Tended) -> None:
        mute, slow = tended.add(answers), tended.add(answers)
        mute.traits_now, slow.vitals_now = raises(FailureKind.UNREACHABLE), raises(FailureKind.TIMEOUT)
        tended.add(answers, up=False)
        await tended.clock.sleep(3.0)
        assert [replica.down for replica in tended.replicas] == [
            "it does not tell its version and metrics: HTTP 500: no page",
            "it does not tell its metrics: HTTP 500: no page",
            "it does not tell its models: r2 is down",
        ]

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
