"""Placement by warm prefix against load."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.affinity import Affinity
from rao_runtime.core.placement import Choice, LeastInFlight, Placement, PromptKey, ReplicaLoad, Segment
from rao_runtime.core.prompt_key import KeyChain

NOW = 100.0
SIZE = 100


@dataclass(frozen=True)
class Said:
    role: str
    content: str


def prompt(path: str, siblings: str = "") -> PromptKey:
    """A prompt of a segment for each letter; those of two paths share what the paths have in common from the start."""
    return PromptKey(tuple(Segment(hash(path[: end + 1]), SIZE) for end in range(len(path))), siblings)


def loads(*in_flight: int, slots: int = 8) -> list[ReplicaLoad]:
    return [ReplicaLoad(index=index, in_flight=count, slots=slots) for index, count in enumerate(in_flight)]


def placed(
    placement: Placement, replicas: Sequence[ReplicaLoad], key: PromptKey, avoid: Collection[int] = ()
) -> int | None:
    """Where a call goes; it stays in flight."""
    choice = placement.choose(replicas, key, NOW, avoid)
    if choice is None:
        return None
    next(replica for replica in replicas if replica.index == choice.index).in_flight += 1
    return choice.index


def warmed(*paths: str) -> Affinity:
    """A placement that has sent a prompt to each of as many replicas."""
    placement = Affinity()
    for index, path in enumerate(paths):
        assert placement.choose([ReplicaLoad(index=index, slots=1)], prompt(path), NOW) == Choice(index)
    return placement


def test_a_prompt_goes_where_its_start_is_cached() -> None:
    placement = warmed("xyz", "abc", "abz")
    assert placement.choose(loads(0, 0, 0), prompt("abcd"), NOW) == Choice(1, 3 * SIZE)


def test_a_prompt_that_a_replica_was_sent_without_being_chosen_counts_as_well() -> None:
    placement = warmed("xyz", "abc")
    placement.has_read(2, prompt("abcd"), 2 * SIZE, 10 * SIZE)
    assert placement.choose(loads(0, 0, 0), prompt("abcde"), NOW) == Choice(2, 2 * SIZE)


def test_equals_go_to_the_lowest_index() -> None:
    placement = warmed("abc", "abc", "abc")
    assert placement.choose(list(reversed(loads(1, 1, 1))), prompt("abcd"), NOW) == Choice(0, 3 * SIZE)


def test_a_warm_replica_is_left_for_one_with_much_less_to_do() -> None:
    placement = warmed("xyz", "abc")
    key = prompt("abcd")
    assert placement.choose(loads(3, 5), key, NOW) == Choice(1, 3 * SIZE)
    assert warmed("xyz", "abc").choose(loads(0, 5), key, NOW) == Choice(0)


def test_the_heavier_load_weighs_the_sooner_a_warm_replica_is_left() -> None:
    key, replicas = prompt("abcd"), loads(3, 5)
    heavy = Affinity(beta=2.0)
    heavy.choose([ReplicaLoad(index=1, slots=1)], prompt("abc"), NOW)
    assert heavy.choose(replicas, key, NOW) == Choice(0)


def test_a_saturated_replica_spills() -> None:
    placement = warmed("xyz", "abc")
    replicas = loads(0, 0, slots=3)
    went = [placed(placement, replicas, prompt(f"abc{number}")) for number in range(6)]
    assert Counter(went) == {0: 3, 1: 3}
    assert placed(placement, replicas, prompt("abc7")) is None


def test_a_call_goes_cold_rather_than_wait_unless_it_is_patient() -> None:
    placement = warmed("xyz", "abc")
    replicas = loads(0, 8)
    assert placement.choose(replicas, prompt("abcd"), NOW, patient=True) is None
    assert placement.choose(replicas, prompt("abcd"), NOW) == Choice(0)
    assert placement.choose(replicas, prompt("abce"), NOW, patient=True) == Choice(0, 3 * SIZE), "it is as warm by now"


def test_a_patient_call_does_not_wait_for_a_replica_that_is_down_or_failed_it() -> None:
    down = [*loads(0), ReplicaLoad(index=1, slots=8, healthy=False)]
    assert warmed("xyz", "abc").choose(down, prompt("abcd"), NOW, patient=True) == Choice(0)
    assert warmed("xyz", "abc").choose(loads(0, 8), prompt("abcd"), NOW, avoid=[1], patient=True) == Choice(0)


def test_a_patient_call_that_no_replica_knows_goes_at_once() -> None:
    assert warmed("xyz", "abc").choose(loads(0, 8), prompt("new"), NOW, patient=True) == Choice(0)


def test_siblings_of_a_burst_share_replicas() -> None:
    placement = warmed("parent", "", "", "")
    replicas = loads(0, 0, 0, 0)
    went = [placed(placement, replicas, prompt(f"pare{number}", "node:1")) for number in range(6)]
    assert went[:2] == [0, 0], "the warm one first"
    counts = Counter(went)
    assert len(counts) <= 3
    assert min(counts.values()) >= 2


def test_many_siblings_fill_a_warm_replica_to_its_share_of_a_busy_pool_and_no_further() -> None:
    placement = warmed("parent", "", "", "")
    replicas = loads(10, 10, 10, 10, slots=100)
    went = [placed(placement, replicas, prompt(f"pare{number}", "node:1")) for number in range(30)]
    assert set(went[:8]) == {0}
    assert max(replica.in_flight for replica in replicas) <= 1.5 * 70 / 4
    assert min(Counter(went).values()) >= 2


def test_bursts_that_come_mixed_up_keep_together_each_by_itself() -> None:
    placement = Affinity()
    replicas = loads(0, 0, 0, 0)
    went = {
        burst: [placed(placement, replicas, prompt(f"{burst}{number}", burst)) for number in range(2)]
        for burst in "abcd"
    }
    assert [len(set(each)) for each in went.values()] == [1, 1, 1, 1]
    assert {each[0] for each in went.values()} == {0, 1, 2, 3}


def test_who_spills_is_followed_by_one_sibling_whatever_the_loads_have_become() -> None:
    placement = Affinity()
    replicas = loads(0, 0)
    key = prompt("abc", "node:1")
    assert [placed(placement, replicas, key) for _ in range(2)] == [0, 0]
    replicas[0].in_flight = 8
    assert placed(placement, replicas, key) == 1
    replicas[0].in_flight, replicas[1].in_flight = 0, 5
    assert [placed(placement, replicas, key) for _ in range(2)] == [1, 0]


def test_bursts_of_long_ago_are_forgotten() -> None:
    placement = Affinity()
    assert placement.choose(loads(0, 0), prompt("abc", "long ago"), NOW) == Choice(0)
    for number in range(1_024):
        placement.choose(loads(0, 0), prompt("z", f"since then {number}"), NOW)
    assert placement.choose(loads(5, 0), prompt("xyz", "long ago"), NOW) == Choice(1)


def test_what_replicas_say_corrects_what_is_expected_of_them() -> None:
    placement = warmed("abcdefgh")
    replicas = loads(0)
    for _ in range(60):
        placement.choose(replicas, prompt("abcdefgh"), NOW)
        placement.observed(0, prompt("abcdefgh"), 6 * SIZE, 6 * SIZE)
    assert placement.choose(replicas, prompt("abcd"), NOW) == Choice(0, 3 * SIZE), "counted as the replica does"


def test_a_replica_that_started_anew_draws_nothing() -> None:
    placement = warmed("xyz", "abc")
    placement.forget(1)
    assert placement.choose(loads(0, 0), prompt("abcd"), NOW) == Choice(0)


def test_tenants_with_other_salts_do_not_share() -> None:
    placement = Affinity()
    messages = [Said("system", "s" * 3_000), Said("user", "the goal")]
    mine, theirs = (KeyChain(salt).key(messages, len) for salt in ("a", "b"))
    placement.choose(loads(1, 0), mine, NOW)
    assert placement.choose(loads(0, 0), mine, NOW) == Choice(1, mine.tokens)
    assert placement.choose(loads(0, 0), theirs, NOW) == Choice(0)


REPLICAS = st.lists(
    st.builds(
        ReplicaLoad,
        index=st.integers(0, 9),
        in_flight=st.integers(0, 5),
        slots=st.integers(0, 5),
        busy_until=st.sampled_from([0.0, NOW, NOW + 0.1]),
        healthy=st.booleans(),
        kv_tokens=st.sampled_from([None, 5 * SIZE]),
    ),
    max_size=6,
    unique_by=lambda replica: replica.index,
)
PROMPTS = st.builds(prompt, st.text("ab", max_size=8), st.sampled_from(["", "x", "y"]))
CALLS = st.lists(st.tuples(PROMPTS, st.sets(st.integers(0, 9), max_size=3), st.booleans()), max_size=12)


@given(REPLICAS, CALLS)
def test_only_a_replica_with_room_is_chosen_and_none_that_is_avoided_while_another_is_healthy(
    replicas: list[ReplicaLoad], calls: list[tuple[PromptKey, set[int], bool]]
) -> None:
    placement = Affinity()
    for key, avoid, patient in calls:
        others = {replica.index for replica in replicas if replica.healthy and replica.index not in avoid}
        fit = {replica.index for replica in replicas if replica.has_room(NOW)}
        fit = fit & others if others else fit
        choice = placement.choose(replicas, key, NOW, avoid, patient=patient)
        if choice is None:
            # What is without a cache of known size always fits.
            assert patient or all(replica.kv_tokens for replica in replicas if replica.index in fit)
        else:
            assert choice.index in fit
            assert 0 <= choice.cached_tokens <= key.tokens


@given(REPLICAS, CALLS)
def test_the_same_calls_are_placed_the_same_whatever_the_order_of_the_replicas(
    replicas: list[ReplicaLoad], calls: list[tuple[PromptKey, set[int], bool]]
) -> None:
    one, other = Affinity(), Affinity()
    for key, avoid, patient in calls:
        choice = one.choose(replicas, key, NOW, avoid, patient=patient)
        assert other.choose(replicas[::-1], key, NOW, avoid, patient=patient) == choice


@given(REPLICAS, st.sets(st.integers(0, 9)))
def test_a_prompt_that_nobody_told_of_goes_to_the_fewest_in_flight(
    replicas: list[ReplicaLoad], avoid: set[int]
) -> None:
    assert Affinity().choose(replicas, PromptKey(), NOW, avoid) == LeastInFlight().choose(
        replicas, PromptKey(), NOW, avoid
    )


@given(st.integers(2, 4), st.lists(st.integers(0, 6), min_size=4, max_size=4), st.integers(2, 12))
@pytest.mark.parametrize("warm", [True, False])
def test_a_replica_that_siblings_spill_to_gets_at_least_two_of_them(
    warm: bool, replicas: int, in_flight: list[int], siblings: int
) -> None:
    placement = warmed("parent") if warm else Affinity()
    pool = loads(*in_flight[:replicas], slots=100)
    went = [placed(placement, pool, prompt(f"pare{number:02}", "node:1")) for number in range(siblings)]
    alone = {index for index, count in Counter(went).items() if count == 1}
    assert alone <= {went[-1]}, "but for the last one, whose company did not come"
