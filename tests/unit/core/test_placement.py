from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.placement import Choice, LeastInFlight, Placement, PromptKey, ReplicaLoad, Segment
from rao_runtime.core.round_robin import RoundRobin

NOW = 100.0
PLACEMENT: Placement = LeastInFlight()


def chosen(replicas: Sequence[ReplicaLoad], *avoid: int) -> int | None:
    choice = PLACEMENT.choose(replicas, PromptKey(), NOW, avoid)
    return None if choice is None else choice.index


def loads(*in_flight: int) -> list[ReplicaLoad]:
    return [ReplicaLoad(index=index, in_flight=count, slots=4) for index, count in enumerate(in_flight)]


REPLICAS = st.lists(
    st.builds(
        ReplicaLoad,
        index=st.integers(0, 9),
        in_flight=st.integers(0, 5),
        slots=st.integers(0, 5),
        busy_until=st.sampled_from([0.0, NOW, NOW + 0.1]),
        healthy=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda replica: replica.index,
)


def test_the_replica_with_the_fewest_calls_is_taken_and_the_first_of_equals() -> None:
    assert chosen(loads(3, 1, 2)) == 1
    assert chosen(loads(2, 1, 1)) == 1
    assert chosen(list(reversed(loads(1, 1, 1)))) == 0


def test_calls_placed_one_by_one_spread_evenly() -> None:
    replicas = loads(0, 0, 0)
    for _ in range(12):
        index = chosen(replicas)
        assert index is not None
        replicas[index].in_flight += 1
    assert [replica.in_flight for replica in replicas] == [4, 4, 4]
    assert chosen(replicas) is None


def test_a_busy_replica_is_skipped_until_its_time_is_over() -> None:
    busy = ReplicaLoad(index=0, in_flight=0, slots=4, busy_until=NOW + 0.25)
    other = ReplicaLoad(index=1, in_flight=3, slots=4)
    assert PLACEMENT.choose([busy, other], PromptKey(), NOW) == Choice(1)
    assert PLACEMENT.choose([busy], PromptKey(), NOW) is None
    assert PLACEMENT.choose([busy, other], PromptKey(), NOW + 0.25) == Choice(0)


def test_a_replica_that_failed_the_call_is_avoided() -> None:
    assert chosen(loads(0, 3), 0) == 1


def test_a_call_waits_for_a_full_replica_rather_than_go_back_to_the_one_that_failed_it() -> None:
    assert chosen(loads(0, 4), 0) is None


def test_the_replica_that_failed_the_call_is_taken_when_no_other_is_up() -> None:
    failed = ReplicaLoad(index=0, in_flight=1, slots=4)
    down = ReplicaLoad(index=1, in_flight=0, slots=4, healthy=False)
    assert chosen([failed, down], 0) == 0
    assert chosen([failed], 0) == 0


def test_without_replicas_a_call_waits() -> None:
    assert chosen([]) is None


@given(REPLICAS, st.sets(st.integers(0, 9)))
def test_what_is_chosen_has_room_and_nothing_better_was_passed_over(
    replicas: list[ReplicaLoad], avoid: set[int]
) -> None:
    choice = PLACEMENT.choose(replicas, PromptKey(), NOW, avoid)
    others_up = any(replica.healthy and replica.index not in avoid for replica in replicas)
    fit = {
        replica.index: replica.in_flight
        for replica in replicas
        if replica.has_room(NOW) and not (others_up and replica.index in avoid)
    }
    if choice is None:
        assert not fit
    else:
        assert fit[choice.index] == min(fit.values())


def test_a_prompt_has_the_tokens_of_its_segments() -> None:
    assert PromptKey().tokens == 0
    assert PromptKey((Segment(1, 30), Segment(2, 12))).tokens == 42


def test_round_robin_goes_from_one_to_the_next_whatever_they_do() -> None:
    placement: Placement = RoundRobin()
    replicas = loads(3, 0, 1)
    assert [placement.choose(replicas, PromptKey(), NOW) for _ in range(4)] == [Choice(index) for index in (0, 1, 2, 0)]


def test_round_robin_passes_over_what_is_full_avoided_or_down() -> None:
    placement: Placement = RoundRobin()
    replicas = [*loads(0, 4, 0, 0), ReplicaLoad(index=4, slots=4, healthy=False)]
    went = [placement.choose(replicas, PromptKey(), NOW, avoid=[2]) for _ in range(3)]
    assert went == [Choice(0), Choice(3), Choice(0)]
    assert placement.choose([replicas[1], replicas[4]], PromptKey(), NOW) is None
