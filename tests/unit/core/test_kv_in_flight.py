"""What the calls in flight hold of a replica's cache."""

from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.affinity import Affinity
from rao_runtime.core.kv_in_flight import FIRST_GUESS, USABLE, KvInFlight
from rao_runtime.core.placement import Choice, PromptKey, ReplicaLoad, Segment

SIZE = 1_000


def prompt(path: str) -> PromptKey:
    """A prompt of a segment for each letter; those of two paths share what the paths have in common from the start."""
    return PromptKey(tuple(Segment(hash(path[: end + 1]), SIZE) for end in range(len(path))))


@given(st.lists(st.text("ab", max_size=6), max_size=20), st.data())
def test_prompts_in_flight_hold_what_they_have_together_once(paths: list[str], data: st.DataObject) -> None:
    held = KvInFlight()
    for path in paths:
        held.enter(prompt(path))
    left = list(paths)
    for path in data.draw(st.permutations(paths)):
        distinct = {each[: end + 1] for each in left for end in range(len(each))}
        assert held.tokens == SIZE * len(distinct)
        held.leave(prompt(path), 0)
        left.remove(path)
    assert held.tokens == 0


def test_a_prompt_fits_when_what_it_adds_does_and_the_first_one_always() -> None:
    held, kv_tokens = KvInFlight(), (4 * SIZE + 2 * FIRST_GUESS) / USABLE
    assert held.fits(prompt("abcdefgh"), kv_tokens)
    held.enter(prompt("abc"))
    assert held.fits(prompt("x"), kv_tokens)
    assert held.fits(prompt("abcd"), kv_tokens)
    assert not held.fits(prompt("xy"), kv_tokens)
    assert not held.fits(prompt("abcde"), kv_tokens)


def test_room_is_kept_for_completions_as_long_as_those_before() -> None:
    held, kv_tokens = KvInFlight(), 4 * SIZE / USABLE
    for _ in range(200):
        held.enter(prompt("abc"))
        held.leave(prompt("abc"), SIZE / 2)
    held.enter(prompt("ab"))
    assert held.fits(prompt("abc"), kv_tokens + 10)
    assert not held.fits(prompt("abc"), kv_tokens - 10)
    held.leave(prompt("ab"), 0)
    held.enter(prompt("ab"))
    assert held.fits(prompt("abc"), kv_tokens + 10)


def test_a_call_goes_elsewhere_or_waits_when_the_caches_are_full_of_calls_in_flight() -> None:
    placement = Affinity()
    replicas = [ReplicaLoad(index=index, slots=8, kv_tokens=4 * SIZE + 400) for index in range(2)]
    assert placement.choose(replicas, prompt("abc"), 0.0) == Choice(0)
    replicas[0].in_flight = 1
    assert placement.choose(replicas, prompt("xyz"), 0.0) == Choice(1)
    replicas[1].in_flight = 1
    assert placement.choose(replicas, prompt("uvw"), 0.0) is None
    placement.ended(1, prompt("xyz"))
    replicas[1].in_flight = 0
    assert placement.choose(replicas, prompt("uvw"), 0.0) == Choice(1)
