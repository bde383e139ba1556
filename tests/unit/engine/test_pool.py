"""Who gets a slot, and when."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from rao_runtime.adapters.scripted_model import ScriptedModel
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.placement import LeastInFlight, PromptKey
from rao_runtime.core.ready_queue import Ticket
from rao_runtime.engine.attendant import Attendant
from rao_runtime.engine.lease import Lease
from rao_runtime.engine.pool import Pool
from rao_runtime.ports import ServedModel
from tests.sim.clock import SimClock
from tests.sim.loop import simulate

PROMPT = PromptKey()


def models(clock: SimClock, windows: Sequence[int | None], model: str = "m") -> list[ScriptedModel]:
    return [
        ScriptedModel(clock, lambda _: "x", name=f"r{n}", models=[ServedModel(model, window)])
        for n, window in enumerate(windows)
    ]


def pooled(act: Callable[[Pool, SimClock], Awaitable[None]], *, replicas: int = 1, slots: int = 1) -> None:
    """Run with a pool whose replicas are all up."""

    async def main() -> None:
        clock = SimClock()
        pool = Pool(models(clock, [None] * replicas), slots=slots, placement=LeastInFlight(), clock=clock)
        watch = asyncio.create_task(Attendant(pool, clock).watch())
        await pool.roster.first_answer()
        await clock.sleep(0.1)
        await act(pool, clock)
        watch.cancel()

    simulate(main)


def ask(pool: Pool, model: str = "m", *, priority: int = 0, avoid: Sequence[int] = ()) -> asyncio.Task[Lease]:
    now = SimClock().now()
    ticket = Ticket(ticket_id=pool.next_ticket_id(), enqueued=now, tree_started=now, priority=priority)
    return asyncio.create_task(pool.acquire(ticket, model, PROMPT, avoid))


def test_slots_are_given_out_and_the_rest_wait() -> None:
    async def act(pool: Pool, clock: SimClock) -> None:
        calls = [ask(pool) for _ in range(5)]
        await clock.sleep(1.0)
        assert [call.done() for call in calls] == [True, True, False, False, False]
        assert pool.queued == 3
        pool.release(calls[0].result())
        await clock.sleep(1.0)
        assert calls[2].done()
        assert pool.roster.replicas[0].load.in_flight == 2
        for call in calls[3:]:
            call.cancel()

    pooled(act, slots=2)


def test_slots_of_one_replica_share_its_busy_time_also_one_that_is_given_back_unused() -> None:
    async def act(pool: Pool, clock: SimClock) -> None:
        used = await ask(pool)
        await clock.sleep(2.0)
        unused = await ask(pool)
        await clock.sleep(4.0)
        pool.release(unused)
        await clock.sleep(1.0)
        assert pool.share_s(used) == pytest.approx(2.0 + 2.0 + 1.0)
        await clock.sleep(5.0)
        assert pool.share_s(used) == pytest.approx(5.0)
        pool.release(used)
        assert unused.share_s == pytest.approx(2.0)

    pooled(act, slots=2)


def test_a_free_slot_goes_to_the_most_urgent_call() -> None:
    async def act(pool: Pool, clock: SimClock) -> None:
        held = await ask(pool)
        low, high = ask(pool), ask(pool, priority=5)
        await clock.sleep(1.0)
        pool.release(held)
        await clock.sleep(1.0)
        assert (low.done(), high.done()) == (False, True)
        low.cancel()

    pooled(act)


def test_a_call_that_is_cancelled_while_it_waits_leaves_the_queue() -> None:
    async def act(pool: Pool, clock: SimClock) -> None:
        held = await ask(pool)
        first, second = ask(pool), ask(pool)
        await clock.sleep(1.0)
        first.cancel()
        await clock.sleep(1.0)
        assert pool.queued == 1
        pool.release(held)
        assert (await second).replica.load.in_flight == 1

    pooled(act)


def test_a_slot_granted_to_a_call_that_is_cancelled_in_the_same_moment_is_not_lost() -> None:
    async def act(pool: Pool, clock: SimClock) -> None:
        held = await ask(pool)
        waiting = ask(pool)
        await clock.sleep(1.0)
        pool.release(held)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert pool.roster.replicas[0].load.in_flight == 0
        assert (await ask(pool)).replica.load.in_flight == 1

    pooled(act)


def test_a_slot_that_comes_free_after_the_cancel_goes_to_the_next() -> None:
    async def act(pool: Pool, clock: SimClock) -> None:
        held = await ask(pool)
        first, second = ask(pool), ask(pool)
        await clock.sleep(1.0)
        first.cancel()
        pool.release(held)
        assert (await second).replica.load.in_flight == 1
        assert pool.queued == 0

    pooled(act)


def test_calls_spread_over_replicas_and_a_retry_goes_elsewhere() -> None:
    async def act(pool: Pool, clock: SimClock) -> None:
        assert [(await ask(pool)).replica.index for _ in range(4)] == [0, 1, 0, 1]
        assert (await ask(pool, avoid=[0])).replica.index == 1

    pooled(act, replicas=2, slots=9)


@pytest.mark.parametrize("busy_s", [0.05, 0.3, 1.1, 7.77])
def test_a_busy_replica_rests_for_as_long_as_told_and_not_longer(busy_s: float) -> None:
    async def act(pool: Pool, clock: SimClock) -> None:
        for n in range(50):
            held = await ask(pool)
            pool.failed(held, ModelError(FailureKind.BUSY, "busy"), busy_s=busy_s)
            pool.release(held)
            before = clock.now()
            async with asyncio.timeout(busy_s + 0.01):
                pool.release(await ask(pool))
            assert clock.now() - before == pytest.approx(busy_s, abs=1e-6)
            await clock.sleep(0.1 + n / 7)

    pooled(act)


def test_of_two_pauses_the_longer_counts() -> None:
    async def act(pool: Pool, clock: SimClock) -> None:
        held = await ask(pool)
        for busy_s in (10.0, 1.0):
            pool.failed(held, ModelError(FailureKind.BUSY, "busy"), busy_s=busy_s)
        pool.release(held)
        before = clock.now()
        await ask(pool)
        assert clock.now() - before == pytest.approx(10.0, abs=1e-6)

    pooled(act)


def test_a_replica_that_does_not_answer_is_left_out_until_a_probe_succeeds() -> None:
    async def main() -> None:
        clock = SimClock()
        (model,) = models(clock, [None])
        pool = Pool([model], slots=4, placement=LeastInFlight(), clock=clock)
        watch = asyncio.create_task(Attendant(pool, clock).watch())
        await pool.roster.first_answer()
        replica = await ask(pool)
        model.up = False
        pool.failed(replica, ModelError(FailureKind.UNREACHABLE, "no"), busy_s=0.0)
        waiting = ask(pool)
        await clock.sleep(10.0)
        assert not waiting.done()
        model.up = True
        await clock.sleep(2.0)
        assert waiting.done()
        watch.cancel()

    simulate(main)


def test_other_failures_leave_a_replica_in() -> None:
    async def act(pool: Pool, clock: SimClock) -> None:
        replica = await ask(pool)
        for kind in (FailureKind.SERVER, FailureKind.BROKEN, FailureKind.TIMEOUT, FailureKind.REJECTED):
            pool.failed(replica, ModelError(kind, "no"), busy_s=0.0)
        pool.release(replica)
        assert (await ask(pool)).replica.is_open

    pooled(act)


def test_a_model_is_known_with_the_smallest_window_any_replica_tells() -> None:
    async def main() -> None:
        clock = SimClock()
        three = [*models(clock, [8_000, 4_000]), *models(clock, [None], "other")]
        three[1].up = False
        pool = Pool(three, slots=1, placement=LeastInFlight(), clock=clock)
        assert pool.roster.models() == {}
        watch = asyncio.create_task(Attendant(pool, clock).watch())
        await pool.roster.first_answer()
        await clock.sleep(0.5)
        assert pool.roster.models() == {"m": 8_000, "other": None}
        assert not pool.roster.all_known()
        three[1].up = True
        await clock.sleep(2.0)
        assert pool.roster.models() == {"m": 4_000, "other": None}
        assert pool.roster.all_known()
        watch.cancel()

    simulate(main)


def test_a_call_waits_only_for_replicas_that_serve_its_model() -> None:
    async def act(pool: Pool, clock: SimClock) -> None:
        other = ask(pool, "other")
        assert (await ask(pool)).replica.index == 0
        await clock.sleep(1.0)
        assert not other.done()
        other.cancel()

    pooled(act)


def test_a_call_that_avoids_a_free_replica_does_not_hold_up_those_behind_it() -> None:
    async def act(pool: Pool, clock: SimClock) -> None:
        first, second = await ask(pool), await ask(pool)
        assert (first.replica.index, second.replica.index) == (0, 1)
        retry, behind = ask(pool, avoid=[0]), ask(pool)
        await clock.sleep(1.0)
        pool.release(first)
        assert (await behind).replica.index == 0
        assert not retry.done()
        assert pool.queued == 1
        pool.release(second)
        assert (await retry).replica.index == 1

    pooled(act, replicas=2)


def test_a_call_that_stands_aside_goes_before_those_that_came_later() -> None:
    async def act(pool: Pool, clock: SimClock) -> None:
        first, second = await ask(pool), await ask(pool)
        retry = ask(pool, avoid=[0])
        await clock.sleep(1.0)
        later = [ask(pool, priority=5) for _ in range(3)]
        await clock.sleep(1.0)
        pool.release(second)
        assert (await retry).replica.index == 1
        for call in later:
            call.cancel()
        pool.release(first)

    pooled(act, replicas=2)


def test_a_call_that_stands_aside_can_be_cancelled() -> None:
    async def act(pool: Pool, clock: SimClock) -> None:
        first, second = await ask(pool), await ask(pool)
        retry = ask(pool, avoid=[0])
        await clock.sleep(1.0)
        retry.cancel()
        await clock.sleep(1.0)
        assert pool.queued == 0
        pool.release(first)
        pool.release(second)
        assert {(await ask(pool)).replica.index, (await ask(pool)).replica.index} == {0, 1}

    pooled(act, replicas=2)
