"""Names of a prompt's parts: made once, the same for the same text, and never for another."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.placement import PromptKey
from rao_runtime.core.prompt_key import CHUNK_CHARS, FIRST_CHUNK_CHARS, MESSAGE_TOKENS, KeyChain


@dataclass(frozen=True)
class Said:
    role: str
    content: str


@dataclass
class Meter:
    """Takes a token to be a character, and remembers what it was asked."""

    asked: list[str] = field(default_factory=list[str])

    def __call__(self, text: str) -> int:
        self.asked.append(text)
        return len(text)


CHUNKS = [FIRST_CHUNK_CHARS, 2 * FIRST_CHUNK_CHARS, 4 * FIRST_CHUNK_CHARS, CHUNK_CHARS]
WHOLE = sum(CHUNKS)
SYSTEM = Said("system", "s" * WHOLE)
GOAL = Said("user", "g" * (WHOLE + CHUNK_CHARS + 10))

MESSAGES = st.lists(
    st.builds(
        Said,
        role=st.sampled_from(["system", "user", "assistant"]),
        content=st.sampled_from(["", "a", "b", "a" * CHUNK_CHARS, "a" * (CHUNK_CHARS + 1), "ab" * CHUNK_CHARS]),
    ),
    min_size=1,
    max_size=5,
)


def key(messages: list[Said], salt: str | None = None) -> PromptKey:
    return KeyChain(salt).key(messages, len)


def names(messages: list[Said], salt: str | None = None) -> list[int]:
    return [segment.chain for segment in key(messages, salt).segments]


def shared(one: list[int], other: list[int]) -> int:
    """How many names are the same from the start."""
    together = [a == b for a, b in zip(one, other, strict=False)]
    return together.index(False) if False in together else len(together)


def test_a_message_is_cut_into_chunks_that_end_with_it() -> None:
    segments = key([SYSTEM, GOAL]).segments
    first, *others = CHUNKS
    framed = [MESSAGE_TOKENS + first, *others]
    assert [segment.tokens for segment in segments] == [*framed, *framed, CHUNK_CHARS, 10]


def test_a_message_without_text_counts_for_its_frame() -> None:
    assert [segment.tokens for segment in key([Said("user", "")]).segments] == [MESSAGE_TOKENS]


def test_prompts_share_names_up_to_where_they_part_and_none_after_it() -> None:
    one = names([SYSTEM, Said("user", "x" * WHOLE + "one" + "y" * CHUNK_CHARS)])
    other = names([SYSTEM, Said("user", "x" * WHOLE + "two" + "y" * CHUNK_CHARS)])
    assert shared(one, other) == 8
    assert set(one[8:]).isdisjoint(other[8:])


def test_short_messages_that_begin_alike_share_their_beginning() -> None:
    one = names([Said("user", "x" * FIRST_CHUNK_CHARS + "one")])
    other = names([Said("user", "x" * FIRST_CHUNK_CHARS + "two")])
    assert (shared(one, other), len(one)) == (1, 2)


def test_who_says_it_is_part_of_the_name() -> None:
    assert set(names([Said("user", "x")])).isdisjoint(names([Said("system", "x")]))


def test_text_is_not_mistaken_for_the_start_of_a_message() -> None:
    together = names([Said("user", "x" * FIRST_CHUNK_CHARS + "y")])
    apart = names([Said("user", "x" * FIRST_CHUNK_CHARS), Said("user", "y")])
    assert shared(together, apart) == 1


def test_only_new_text_is_looked_at() -> None:
    meter, chain = Meter(), KeyChain()
    chain.key([SYSTEM, GOAL], meter)
    meter.asked.clear()
    chain.key([SYSTEM, GOAL, Said("assistant", "done"), Said("user", "and?")], meter)
    assert meter.asked == ["done", "and?"]
    meter.asked.clear()
    chain.key([SYSTEM, GOAL, Said("assistant", "done"), Said("user", "and? Last turn.")], meter)
    assert meter.asked == ["and? Last turn."]


def test_a_notice_leaves_all_but_the_last_chunk_as_it_was() -> None:
    chain = KeyChain()
    before = chain.key([SYSTEM, GOAL], len).segments
    after = chain.key([SYSTEM, Said("user", f"{GOAL.content}\n\nLast turn.")], len).segments
    assert after[:-1] == before[:-1]
    assert after[-1] != before[-1]


def test_the_key_tells_which_part_the_replica_wrote_itself() -> None:
    chain = KeyChain()
    first = chain.key([SYSTEM, GOAL], len)
    assert (first.asked, first.written) == (0, 0)
    answered = [SYSTEM, GOAL, Said("assistant", "a" * (FIRST_CHUNK_CHARS + 1)), Said("user", "output")]
    second = chain.key(answered, len)
    assert (second.asked, second.written) == (len(first.segments), len(first.segments) + 2)


def test_the_siblings_are_handed_on() -> None:
    assert KeyChain().key([GOAL], len, "node:3").siblings == "node:3"


@given(MESSAGES, st.data())
def test_a_chain_kept_from_turn_to_turn_gives_the_same_key_as_a_fresh_one(
    messages: list[Said], data: st.DataObject
) -> None:
    chain, sent = KeyChain(), list[Said]()
    for message in messages:
        sent.append(message)
        for _ in range(data.draw(st.integers(0, 2))):
            assert chain.key(sent, len) == key(sent)
            if data.draw(st.booleans()):
                sent[-1] = Said(sent[-1].role, f"{sent[-1].content}\n\nnotice")
    assert chain.key(sent, len) == key(sent)


@given(MESSAGES, MESSAGES)
def test_tenants_with_other_salts_never_match(one: list[Said], other: list[Said]) -> None:
    assert set(names(one, "tenant a")).isdisjoint(names(other, "tenant b"))
    assert set(names(one, "tenant a")).isdisjoint(names(other))


@given(MESSAGES, MESSAGES)
def test_a_name_stands_for_all_that_comes_before_it(one: list[Said], other: list[Said]) -> None:
    a, b = names(one), names(other)
    for place, name in enumerate(a):
        assert (name in b) == (a[: place + 1] == b[: place + 1])
