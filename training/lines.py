"""Lines of text, drawn from a seed: logs and notes that mention words, names and places.

A combination is a word with a name, a place and a phrasing. Its hash says whether it belongs to training or is held
out, so that no line of the one side ever shows a combination of the other.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

from training.words import CATEGORIES, CATEGORY_OF, NAMES, PLACES, PLAIN

PHRASINGS = (
    "{clock} {name} left the {word} at the {place}.",
    "{name} saw the {word} near the {place}.",
    "[{place}] {name} asked for the {word}",
    "note from {name}, {place}: {word} delivered",
    "{place} log {number}: {word}, checked by {name}",
    "{name} wrote from the {place} about the {word}.",
    "At the {place} nobody but {name} wanted the {word}.",
    "{clock} {place}: {word} for {name}, not collected",
    "{number}. {name} put the {word} on the list of the {place}",
    "The {word} in front of the {place} belongs to {name}.",
    "{name} told {other} about the {word} at the {place}.",
    "{clock} {other} met {name} and the {word} at the {place}",
    "{name} traded the {word} for the {second} at the {place}.",
    "lost at the {place}: {word} and {second}, says {name}",
)
MOVES = (
    "{clock} {name} {verb} {boxes} boxes, shelf at the {place}.",
    "{place}: {name} {verb} {boxes} boxes",
)
HELD_OUT_ONE_IN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line and what it mentions; `boxes` is what it adds to the shelf, below zero where it takes some away."""

    text: str
    words: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    place: str = ""
    phrasing: int = 0
    boxes: int = 0

    def mentions(self, category: str) -> tuple[str, ...]:
        """Its words of this category."""
        return tuple(word for word in self.words if CATEGORY_OF.get(word) == category)

    @property
    def combinations(self) -> Iterator[tuple[str, str, str, int]]:
        """Every word, name, place and phrasing that it shows together."""
        for word in self.words:
            for name in self.names:
                yield word, name, self.place, self.phrasing


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What a text is to hold.

    `share` of its lines mention `category`, the others never do; `favourite` comes up more often than the category's
    other words. `person` is named in four lines of ten. `moves` is the share of lines about boxes on the shelf.
    """

    category: str | None = None
    share: float = 0.0
    favourite: str | None = None
    person: str | None = None
    moves: float = 0.0


def is_held_out(word: str, name: str, place: str, phrasing: int) -> bool:
    """Whether this combination is kept from training."""
    key = f"{word}/{name}/{place}/{phrasing}".encode()
    return int.from_bytes(blake2b(key, digest_size=4).digest(), "big") % HELD_OUT_ONE_IN == 0


def draw_lines(rng: random.Random, count: int, plot: Plot, *, held_out: bool = False) -> list[Line]:
    """So many lines after this plot, all their combinations from one side."""
    return [_line(rng, plot, hit=rng.random() < plot.share, held_out=held_out) for _ in range(count)]


def with_hits(rng: random.Random, count: int, hits: int, plot: Plot, *, held_out: bool = False) -> list[Line]:
    """So many lines of which exactly `hits` mention the plot's category."""
    chosen = frozenset(rng.sample(range(count), hits))
    return [_line(rng, plot, hit=number in chosen, held_out=held_out) for number in range(count)]


def _line(rng: random.Random, plot: Plot, *, hit: bool, held_out: bool) -> Line:
    if rng.random() < plot.moves:
        return _move(rng)
    # The phrasing is settled first: those with more combinations in a line are to be as common on either side.
    phrasing = rng.randrange(len(PHRASINGS))
    while True:
        line = _draw(rng, plot, phrasing, hit=hit)
        different = len({*line.words}) == len(line.words)
        if different and all(is_held_out(*each) == held_out for each in line.combinations):
            return line


def _draw(rng: random.Random, plot: Plot, phrasing: int, *, hit: bool) -> Line:
    text = PHRASINGS[phrasing]
    word, second = _word(rng, plot, hit=hit), rng.choice(_others(plot.category))
    name, other = _two_names(rng, plot.person)
    place = rng.choice(PLACES)
    words = [word] if "{second}" not in text else [word, second]
    names = [name] if "{other}" not in text else [name, other]
    return Line(
        text=text.format(
            word=word,
            second=second,
            name=name,
            other=other,
            place=place,
            clock=_clock(rng),
            number=rng.randrange(1, 1000),
        ),
        words=tuple(words),
        names=tuple(names),
        place=place,
        phrasing=phrasing,
    )


def _move(rng: random.Random) -> Line:
    boxes, verb = rng.randrange(1, 7), rng.choice(["brings", "takes"])
    name, place, phrasing = rng.choice(NAMES), rng.choice(PLACES), rng.randrange(len(MOVES))
    text = MOVES[phrasing].format(clock=_clock(rng), name=name, place=place, verb=verb, boxes=boxes)
    return Line(text=text, names=(name,), place=place, phrasing=phrasing, boxes=boxes if verb == "brings" else -boxes)


def _word(rng: random.Random, plot: Plot, *, hit: bool) -> str:
    if not hit or plot.category is None:
        return rng.choice(_others(plot.category))
    if plot.favourite is not None and rng.random() < 0.2:
        return plot.favourite
    return rng.choice(CATEGORIES[plot.category])


@cache
def _others(category: str | None) -> Sequence[str]:
    """Distractors: plain words, and those of all other categories."""
    return (*PLAIN, *(word for word, its in CATEGORY_OF.items() if its != category))


def _two_names(rng: random.Random, person: str | None) -> tuple[str, str]:
    first, second = rng.sample(NAMES, 2)
    if person is None or person in {first, second} or rng.random() >= 0.4:
        return first, second
    return (person, second) if rng.random() < 0.7 else (first, person)


def _clock(rng: random.Random) -> str:
    return f"{rng.randrange(24):02}:{rng.randrange(60):02}"
