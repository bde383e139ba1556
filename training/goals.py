"""Kinds of goals, how they are put into words, and how such words are read back."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from training.words import CATEGORIES, NAMES, with_article


class Kind(StrEnum):
    """What is asked of a text. Of `ORDERED` the parts say nothing, since every line changes what the next one means."""

    COUNT = "count"
    COUNT_PERSON = "count_person"
    DISTINCT = "distinct"
    MOST_COMMON = "most_common"
    TALLY = "tally"
    ANY = "any"
    NONE = "none"
    ORDERED = "ordered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A goal, understood; `person` only where the kind has one, `category` in all kinds but `ORDERED`."""

    kind: Kind
    category: str = ""
    person: str = ""


# {a} is `a fruit` or `a kind of fruit`, {category} the bare word.
PHRASINGS: Mapping[Kind, tuple[str, ...]] = {
    Kind.COUNT: (
        "Count the lines that mention {a}.",
        "How many lines mention {a}?",
        "In how many lines does {a} appear?",
        "Give the number of lines with {a} in them.",
    ),
    Kind.COUNT_PERSON: (
        "Count the lines that mention {person} and {a}.",
        "How many lines mention both {person} and {a}?",
        "In how many lines does {person} appear together with {a}?",
        "Give the number of lines with {person} and {a} in them.",
    ),
    Kind.DISTINCT: (
        "List every kind of {category} that is mentioned.",
        "Which kinds of {category} does the text mention?",
        "Name each {category} in the text once.",
        "Give all different kinds of {category} in the text.",
    ),
    Kind.MOST_COMMON: (
        "Which kind of {category} is mentioned most often?",
        "Name the most common {category} in the text.",
        "What {category} appears in most lines?",
        "Find the {category} that comes up most.",
    ),
    Kind.TALLY: (
        "Tally each kind of {category}.",
        "How often is each {category} mentioned?",
        "Count the mentions of every {category} one by one.",
    ),
    Kind.ANY: (
        "Does any line mention {a}?",
        "Is there a line with {a} in it?",
        "Say whether {a} is mentioned anywhere.",
        "Is {a} mentioned at all?",
    ),
    Kind.NONE: (
        "Is it true that no line mentions {a}?",
        "Is the text free of any mention of {a}?",
        "Say whether {a} is mentioned nowhere.",
    ),
    Kind.ORDERED: (
        "The shelf is empty at first and holds at most 9 boxes. How many boxes are on it in the end?",
        "Follow the boxes: the shelf starts empty and has room for 9. How many does it hold after the last line?",
        "How full is the shelf after all lines? It starts with no box and never holds more than 9.",
    ),
}


def worded(rng: random.Random, question: Question) -> str:
    """The question in one of its phrasings."""
    return in_words(question, rng.choice(PHRASINGS[question.kind]), kind_of=rng.random() < 0.5)


def in_words(question: Question, phrasing: str, *, kind_of: bool = False) -> str:
    """The question in this phrasing; `kind_of` says `a kind of fruit` for `a fruit`."""
    category = question.category
    a = f"a kind of {category}" if kind_of or not category else with_article(category)
    return phrasing.format(a=a, category=category, person=question.person)


def draw_question(rng: random.Random, kind: Kind) -> Question:
    """A question of this kind."""
    if kind is Kind.ORDERED:
        return Question(kind=kind)
    person = rng.choice(NAMES) if kind is Kind.COUNT_PERSON else ""
    return Question(kind=kind, category=rng.choice(list(CATEGORIES)), person=person)


def understood(goal: str) -> Question | None:
    """The question behind a goal's words; None where it is none of the kinds."""
    for kind, pattern in _patterns():
        if (match := pattern.fullmatch(goal.strip())) is not None:
            return Question(kind=kind, **match.groupdict())
    return None


@cache
def _patterns() -> tuple[tuple[Kind, re.Pattern[str]], ...]:
    category = f"(?P<category>{'|'.join(CATEGORIES)})"
    groups = {"a": f"(?:a kind of|an?) {category}", "category": category, "person": f"(?P<person>{'|'.join(NAMES)})"}
    return tuple((kind, _pattern(each, groups)) for kind, phrasings in PHRASINGS.items() for each in phrasings)


def _pattern(phrasing: str, groups: Mapping[str, str]) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", phrasing)
    return re.compile("".join(groups[part] if at % 2 else re.escape(part) for at, part in enumerate(parts)))
