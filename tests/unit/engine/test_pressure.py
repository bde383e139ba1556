"""What replicas tell of their KV caches, and how many trees may send calls for it."""

from collections.abc import Sequence

from rao_runtime.adapters.scripted_model import ScriptedModel
from rao_runtime.core.placement import ReplicaLoad
from rao_runtime.engine.pressure import Pressure
from rao_runtime.engine.replica import Replica
from rao_runtime.ports import ModelRequest, Vitals
from tests.sim.clock import SimClock
from tests.unit.engine.tended import Tended, tend

NOW = 1.8e9
TREES = 8
CUT = 6  # three quarters of them


def answers(_: ModelRequest) -> str:
    return "x"


def replicas(count: int) -> Sequence[Replica]:
    clock = SimClock()
    return [
        Replica(model=ScriptedModel(clock, answers), load=ReplicaLoad(index=index, slots=4)) for index in range(count)
    ]


def limits(pressure: Pressure, of: Sequence[Replica], *told: Sequence[Vitals]) -> list[int | None]:
    """The limit after each look, at all replicas at once."""
    found = list[int | None]()
    for look in told:
        for replica, vitals in zip(of, look, strict=True):
            replica.vitals = vitals
        found.append(pressure.limit(of, TREES, NOW))
    return found


def test_calls_that_lost_their_memory_since_the_last_look_cut_the_number_of_trees() -> None:
    first, second = [Vitals(preemptions=7), Vitals()], [Vitals(preemptions=8), Vitals()]
    assert limits(Pressure(), replicas(2), first, first, second) == [None, None, CUT]


def test_a_counter_that_started_again_counts_from_zero() -> None:
    assert limits(Pressure(), replicas(1), [Vitals(preemptions=100)], [Vitals(preemptions=0)]) == [None, None]
    assert limits(Pressure(), replicas(1), [Vitals(preemptions=100)], [Vitals(preemptions=3)]) == [None, CUT]


def test_what_a_replica_counted_while_it_was_out_is_no_news_when_it_is_back() -> None:
    pressure, (one, other) = Pressure(), replicas(2)
    both = (one, other)
    assert limits(pressure, both, [Vitals(preemptions=1)] * 2) == [None]
    one.load.healthy = False
    assert limits(pressure, both, [Vitals(preemptions=50), Vitals(preemptions=1)]) == [None]
    one.load.healthy = True
    assert limits(pressure, both, [Vitals(preemptions=90), Vitals(preemptions=1)]) == [None]
    assert limits(pressure, both, [Vitals(preemptions=91), Vitals(preemptions=1)]) == [CUT]


def test_full_caches_whose_hits_fall_cut_the_number_of_trees_and_a_look_without_queries_does_not() -> None:
    def look(queries: int, hits: int, usage: float | None = 0.99) -> Sequence[Vitals]:
        return [Vitals(kv_usage=usage, prefix_queries=queries, prefix_hits=hits)]

    warm = [look(100 * n, 90 * n) for n in range(5)]
    assert limits(Pressure(), replicas(1), *warm, look(400, 360), look(500, 370)) == [None] * 6 + [CUT]
    assert limits(Pressure(), replicas(1), *warm, look(500, 370, 0.5), look(600, 380, None)) == [None] * 7


def test_no_replica_at_all_is_no_pressure() -> None:
    assert Pressure().limit([], TREES, NOW) is None


def test_trees_beyond_what_pressed_caches_bear_wait_until_others_ended() -> None:
    async def act(tended: Tended) -> None:
        pressed = tended.add(answers)
        for number in range(4):
            await tended.ask(tree=f"t{number}")
        begun = tended.clock.now()
        pressed.vitals_now = lambda: Vitals(preemptions=int(tended.clock.now() - begun))
        await tended.clock.sleep(4.0)
        assert tended.pool.tree_limit == 3
        waiting = tended.ask(tree="late")
        await tended.clock.sleep(0.5)
        assert not waiting.done()
        for number in range(4):
            tended.pool.tree_ended(f"t{number}")
        assert (await waiting).ticket.tree == "late"

    tend(act, slots=16)
