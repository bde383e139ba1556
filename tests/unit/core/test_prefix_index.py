"""What replicas are believed to hold: bounded, prefixes only, mended by what they say."""

import pickle
from collections.abc import Sequence
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rao_runtime.core.placement import PromptKey, Segment
from rao_runtime.core.prefix_index import LEAST_TOKENS, PrefixIndex

SIZE = 100
KV_TOKENS = 10 * SIZE


def prompt(path: str, *, size: int = SIZE, asked: int = 0, written: int = 0) -> PromptKey:
    """A prompt of a segment for each letter; those of two paths share what the paths have in common from the start."""
    segments = tuple(Segment(hash(path[: end + 1]), size) for end in range(len(path)))
    return PromptKey(segments, "", asked, written)


def index_with(*sent: tuple[int, str], kv_tokens: int = KV_TOKENS) -> PrefixIndex:
    index = PrefixIndex()
    for replica, path in sent:
        index.sent(replica, prompt(path), 0, kv_tokens)
    return index


def test_each_replica_matches_as_far_as_it_was_sent_the_same() -> None:
    index = index_with((0, "abc"), (1, "abcd"), (2, "ax"), (3, "xbc"))
    assert index.matched(prompt("abcde")) == {0: 3 * SIZE, 1: 4 * SIZE, 2: SIZE}


def test_nothing_is_known_of_an_empty_prompt() -> None:
    index = index_with((0, "abc"))
    index.sent(0, PromptKey(), 0)
    index.observed(0, PromptKey(), 50, 100)
    assert index.matched(PromptKey()) == {}


def test_what_was_unused_for_longest_goes_first_and_from_its_end() -> None:
    index = index_with((0, "abcdef"), (0, "uvwx"), (0, "u123"))
    assert index.matched(prompt("abcdef")) == {0: 3 * SIZE}
    assert index.matched(prompt("uvwx")) == {0: 4 * SIZE}
    assert index.tokens(0) == KV_TOKENS


def test_use_keeps_a_prefix() -> None:
    index = index_with((0, "abcd"), (0, "uvwx"), (0, "abcd"), (0, "12345"))
    assert index.matched(prompt("abcd")) == {0: 4 * SIZE}
    assert index.matched(prompt("uvwx")) == {0: SIZE}


def test_of_a_prompt_larger_than_the_cache_the_start_is_kept() -> None:
    index = index_with((0, "abcdefgh"), kv_tokens=5 * SIZE)
    assert index.matched(prompt("abcdefgh")) == {0: 5 * SIZE}


def test_a_replica_of_unknown_size_gets_the_default() -> None:
    index = PrefixIndex(default_kv_tokens=2 * SIZE)
    index.sent(0, prompt("abcd"), 0)
    assert index.tokens(0) == 2 * SIZE


def test_a_replica_that_read_a_prompt_has_what_it_wrote_next_as_well() -> None:
    index = index_with((0, "ab"), (1, "a"))
    assert index.matched(prompt("abcde", asked=2, written=4)) == {0: 4 * SIZE, 1: SIZE}
    assert index.matched(prompt("abcde")) == {0: 2 * SIZE, 1: SIZE}


def test_a_replica_that_started_anew_holds_nothing_and_the_others_all() -> None:
    index = index_with((0, "abc"), (1, "abc"))
    index.forget(0)
    index.forget(7)
    assert index.matched(prompt("abc")) == {1: 3 * SIZE}
    index.sent(2, prompt("ab"), 0)
    index.sent(0, prompt("a"), 0)
    assert index.matched(prompt("abc")) == {0: SIZE, 1: 3 * SIZE, 2: 2 * SIZE}


def test_an_answer_from_before_a_restart_changes_nothing() -> None:
    index = index_with((0, "abc"))
    index.forget(0)
    index.observed(0, prompt("abc"), 3 * SIZE)
    assert index.matched(prompt("abc")) == {}
    assert len(index) == 0


def test_a_replica_that_had_less_than_expected_loses_as_much_of_what_it_used_least() -> None:
    index = index_with((0, "old"), (0, "abc"))
    index.sent(0, prompt("abcd"), 3 * SIZE, KV_TOKENS)
    index.observed(0, prompt("abcd"), SIZE)
    assert index.matched(prompt("old")) == {0: SIZE}
    assert index.matched(prompt("abcd")) == {0: 4 * SIZE}


def test_the_prompt_that_was_just_read_stays_however_little_was_cached() -> None:
    index = index_with((0, "abcd"))
    index.sent(0, prompt("abcd"), 4 * SIZE, KV_TOKENS)
    index.observed(0, prompt("abcd"), 0)
    assert index.matched(prompt("abcd")) == {0: 4 * SIZE}


def test_some_blocks_less_than_expected_are_no_news() -> None:
    index = index_with((0, "old"), (0, "abc"))
    index.sent(0, prompt("abcd"), 3 * SIZE, KV_TOKENS)
    index.observed(0, prompt("abcd"), 3 * SIZE - 80)
    assert index.matched(prompt("old")) == {0: 3 * SIZE}


def test_a_replica_that_had_more_than_expected_is_taken_to_hold_it() -> None:
    index = index_with((0, "abcd"), (0, "0123456789"))
    assert index.matched(prompt("abcd")) == {}
    index.observed(0, prompt("abcd"), 4 * SIZE)
    assert index.matched(prompt("abcd")) == {0: 4 * SIZE}


def test_a_ratio_of_real_to_estimated_tokens_is_learned_and_is_no_loss() -> None:
    index = index_with((0, "old"), (0, "abc"))
    for _ in range(60):
        index.sent(0, prompt("abcd"), 4 * SIZE, KV_TOKENS)
        index.observed(0, prompt("abcd"), 2 * SIZE, 2 * SIZE)
    assert round(index.rate(0), 3) == 0.5
    assert index.matched(prompt("old")) == {0: 3 * SIZE}
    index.sent(0, prompt("0123456789xyzuvw"), 0, KV_TOKENS)
    assert index.tokens(0) == 19 * SIZE, "half as many tokens as estimated: nearly twice the prompts fit"


def test_a_replica_that_does_not_tell_what_it_had_tells_how_many_tokens_a_prompt_has() -> None:
    index = index_with((0, "old"), (0, "abc"))
    for _ in range(60):
        index.sent(0, prompt("abcd"), 4 * SIZE, KV_TOKENS)
        index.observed(0, prompt("abcd"), None, 2 * SIZE)
    assert round(index.rate(0), 3) == 0.5
    assert index.matched(prompt("old")) == {0: 3 * SIZE}
    assert index.matched(prompt("abcd")) == {0: 4 * SIZE}


def test_how_many_tokens_a_beginning_has_is_not_learned_anew_from_what_follows_it() -> None:
    index = index_with((0, "ab"))
    index.observed(0, prompt("ab"), 0, 150)
    for number in range(30):
        longer = prompt(f"ab{number:02}")
        index.sent(0, longer, 2 * SIZE, KV_TOKENS)
        index.observed(0, longer, 2 * SIZE, 150 + 60)
    assert index.rate(0) < 0.55
    assert index.real(0, prompt("abcd"), 2 * SIZE) == 150
    assert index.real(0, prompt("ab2"), 3 * SIZE) == 150 + 30
    assert index.real(1, prompt("ab"), 2 * SIZE) == 150, "so many they are at any replica"


def test_what_no_replica_has_counted_goes_by_the_ratio_of_the_one_that_holds_it() -> None:
    index = index_with((0, "ab"), (0, "xyz"))
    index.observed(0, prompt("ab"), 0, 40)
    assert index.real(0, prompt("xyz"), 2 * SIZE) == round(2 * SIZE * index.rate(0)) < 2 * SIZE


def test_a_count_that_cannot_be_is_not_believed() -> None:
    index = index_with((0, "ab"))
    index.observed(0, prompt("ab"), 0, 150)
    index.sent(0, prompt("abc"), 2 * SIZE, KV_TOKENS)
    index.observed(0, prompt("abc"), 2 * SIZE, 20)
    assert index.real(0, prompt("abc"), 3 * SIZE) == 150 + SIZE // 4


def test_prompts_larger_than_the_cache_leave_nothing_behind() -> None:
    def size_after(count: int) -> int:
        index = PrefixIndex()
        for number in range(count):
            each = prompt(f"{number:05}abcdefgh")
            index.sent(0, each, 0, 5 * SIZE)
            index.observed(0, each, 0, each.tokens)
        return len(pickle.dumps(index))

    assert size_after(400) < size_after(100) + 400


def test_many_tiny_segments_are_bounded_as_well() -> None:
    index = PrefixIndex()
    for number in range(200):
        index.sent(0, PromptKey(tuple(Segment(number * 50 + each, 1) for each in range(50))), 0, KV_TOKENS)
    assert len(index) <= KV_TOKENS / LEAST_TOKENS


PATHS = st.text("ab", min_size=1, max_size=14)


@given(st.lists(st.tuples(st.integers(0, 3), PATHS), max_size=12), PATHS)
def test_what_matches_is_a_prefix_and_grows_with_the_prompt(sent: Sequence[tuple[int, str]], path: str) -> None:
    index = index_with(*sent)
    whole = index.matched(prompt(path))
    for end in range(len(path) + 1):
        part = index.matched(prompt(path[:end]))
        assert part == {replica: min(tokens, end * SIZE) for replica, tokens in whole.items() if end}


class Replicas(RuleBasedStateMachine):
    """Prompts come and go at three replicas of different sizes; what is believed of them stays within bounds."""

    SIZES = (5 * SIZE, 8 * SIZE, 30 * SIZE)

    def __init__(self) -> None:
        super().__init__()
        self.index = PrefixIndex()
        self.under_way = list[tuple[int, PromptKey]]()
        self.seen = list[PromptKey]()

    @rule(replica=st.integers(0, 2), path=PATHS, size=st.sampled_from([20, SIZE]))
    def send(self, replica: int, path: str, size: int) -> None:
        # Another size makes another text.
        sent = prompt(path.upper() if size == SIZE else path, size=size)
        expected = self.index.matched(sent).get(replica, 0)
        assert expected in {0, *accumulate(segment.tokens for segment in sent.segments)}
        self.index.sent(replica, sent, expected, self.SIZES[replica])
        self.under_way.append((replica, sent))
        self.seen.append(sent)

    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        if self.under_way:
            replica, sent = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
            self.index.observed(replica, sent, data.draw(st.integers(0, sent.tokens)), sent.tokens)

    @rule(replica=st.integers(0, 2))
    def restart(self, replica: int) -> None:
        self.index.forget(replica)
        assert self.index.tokens(replica) == 0

    @invariant()
    def no_replica_holds_more_than_its_size(self) -> None:
        for replica, size in enumerate(self.SIZES):
            assert 0 <= self.index.tokens(replica) <= size

    @invariant()
    def what_is_held_is_what_matches(self) -> None:
        held = {replica: dict[int, int]() for replica in range(3)}
        for sent in self.seen:
            for replica, tokens in self.index.matched(sent).items():
                ends = accumulate(segment.tokens for segment in sent.segments)
                kept = [segment for segment, end in zip(sent.segments, ends, strict=True) if end <= tokens]
                held[replica] |= {segment.chain: segment.tokens for segment in kept}
        for replica, segments in held.items():
            assert sum(segments.values()) == self.index.tokens(replica), "all that is kept can be reached"
        assert len(self.index) == len({chain for segments in held.values() for chain in segments})


TestReplicas = Replicas.TestCase
