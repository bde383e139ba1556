"""Lines of text, and which combinations are held out."""

import random
import re
from collections.abc import Iterator
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from training.examples import Role, examples, of_role
from training.lines import PHRASINGS, Plot, draw_lines, is_held_out, with_hits
from training.words import CATEGORIES, CATEGORY_OF, NAMES, PLACES, PLAIN

SEEDS = st.integers(0, 2**32)
TOPICS = st.sampled_from(sorted(CATEGORIES))
KNOWN = frozenset({*CATEGORY_OF, *PLAIN, *NAMES, *PLACES})
PATTERNS = [
    re.compile(re.sub(r"\\{(\w+)\\}", lambda field: rf"(?P<{field[1]}>[\w:]+)", re.escape(phrasing)))
    for phrasing in PHRASINGS
]


def combinations_in(text: str) -> Iterator[tuple[str, str, str, int]]:
    """What a text's lines show together, read from the text alone; a line cut in a word or name shows nothing."""
    for line in text.splitlines():
        for phrasing, pattern in enumerate(PATTERNS):
            if (match := pattern.fullmatch(line)) is not None:
                fields = match.groupdict()
                words = [fields[name] for name in ("word", "second") if name in fields]
                names = [fields[name] for name in ("name", "other") if name in fields]
                told = product(words, names, [fields["place"]], [phrasing])
                yield from (each for each in told if KNOWN.issuperset(each[:3]))


@given(SEEDS, TOPICS, st.booleans())
def test_lines_depend_on_the_seed_alone(seed: int, topic: str, held_out: bool) -> None:
    plot = Plot(category=topic, share=0.5, moves=0.1)
    one, other = (draw_lines(random.Random(seed), 8, plot, held_out=held_out) for _ in range(2))
    assert one == other


@given(SEEDS, TOPICS, st.booleans())
def test_all_combinations_of_a_text_are_of_one_side(seed: int, topic: str, held_out: bool) -> None:
    drawn = draw_lines(random.Random(seed), 20, Plot(category=topic, share=0.5), held_out=held_out)
    told = {each for line in drawn for each in line.combinations}
    assert {is_held_out(*each) for each in told} == {held_out}
    assert set(combinations_in("\n".join(line.text for line in drawn))) == told


def test_no_training_example_shows_a_held_out_combination() -> None:
    stream = examples(7)
    shown = [message.content for _ in range(2_000) for message in next(stream).messages]
    combinations = {each for text in shown for each in combinations_in(text)}
    assert len(combinations) > 5_000
    assert not any(is_held_out(*each) for each in combinations)


def test_examples_for_evaluation_show_held_out_combinations_only() -> None:
    rng = random.Random(7)
    shown = [of_role(rng, Role.ANSWER, held_out=True).messages[-1].content for _ in range(200)]
    assert all(is_held_out(*each) for text in shown for each in combinations_in(text))
    assert any(True for text in shown for _ in combinations_in(text))


def test_about_a_sixth_of_all_combinations_is_held_out() -> None:
    rng = random.Random(1)
    drawn = [(rng.choice([*CATEGORY_OF]), rng.choice(NAMES), rng.choice(PLACES), n % 14) for n in range(6_000)]
    assert 900 < sum(is_held_out(*each) for each in drawn) < 1_100


@given(SEEDS, TOPICS, st.integers(0, 6))
def test_exactly_the_asked_number_of_lines_is_a_hit(seed: int, topic: str, hits: int) -> None:
    drawn = with_hits(random.Random(seed), 6, hits, Plot(category=topic))
    assert len([line for line in drawn if line.mentions(topic)]) == hits


@given(SEEDS, TOPICS)
def test_what_a_line_is_said_to_mention_stands_in_it(seed: int, topic: str) -> None:
    for line in draw_lines(random.Random(seed), 10, Plot(category=topic, share=0.5, person="Anna", moves=0.2)):
        tokens = re.findall(r"\w+", line.text)
        assert {*line.words, *line.names, line.place} <= {*tokens}
        assert {word for word in tokens if word in CATEGORY_OF} <= {*line.words}
        assert {name for name in tokens if name in NAMES} == {*line.names}
