"""Goals that the model does not know, of many sorts: all it should say to any of them is that it cannot."""

import random
from collections.abc import Callable, Mapping

from rao_crafting.recipes import ITEMS
from training import crafting
from training.crafting import Order
from training.goals import PHRASINGS, Kind, Question, draw_question, in_words, understood, worded
from training.words import CATEGORIES, CATEGORY_OF, NAMES, PLACES, PLAIN

_TEMPLATES = (
    "Translate the text into {tongue}.",
    "Write a {form} about the {place}.",
    "What is the capital of {land}?",
    "Count the lines that mention a kind of {strange}.",
    "Which kind of {strange} is mentioned most often?",
    "Does any line mention a {strange}?",
    "List every kind of {strange} that is mentioned.",
    "Summarize the {form} in {number} sentences.",
    "What is {number} times {number}?",
    "Sort the lines by {strange}.",
    "Who is the {strange} of {land}?",
    "Explain why {tongue} has a word for every {strange}.",
    "How many {strange}s does {land} have?",
    "Find the longest {form} of the {place}.",
)
_FILLERS: Mapping[str, tuple[str, ...]] = {
    "tongue": ("French", "Latin", "Spanish", "German", "Polish", "Hindi", "Greek", "Danish"),
    "form": ("poem", "letter", "story", "report", "speech", "song", "joke", "review"),
    "place": ("moon", "sea", "city", "forest", "desert", "island", "river", "school"),
    "land": ("Peru", "Japan", "Kenya", "Norway", "Chile", "Egypt", "Canada", "Nepal"),
    "strange": ("planet", "verb", "number", "color", "disease", "language", "colour", "virus", "king", "metal", "star"),
    "number": ("2", "3", "7", "12", "25", "140"),
}
_WORDS = (
    "the of and to in is you that it he was for on are as with his they I at be this have from or one had by word but "
    "not what all were we when your can said there use an each which she do how their if will up other about out many "
    "then them these so some her would make like him into time has look two more write go see number no way could "
    "people my than first water been call who oil its now find long down day did get come made may part over new sound "
    "take only little work know place year live me back give most very after thing our just name good sentence man "
    "think say great where help through much before line right too mean old any same tell boy follow came want show "
    "also around form three small set put end does another well large must big even such because turn here why ask "
    "went men read need land different home us move try kind hand picture again change off play spell air away house "
    "point page mother answer found study still learn should world high every near add food between own below country "
    "last school father keep never start city earth eye light thought head under story saw left few while along might "
    "close something seem next hard open example begin life always both paper together got group often run count list "
    "craft text book box lines summarize translate please"
)
_COMMON = tuple(_WORDS.split())
_ASKING = ("what", "who", "why", "how", "where", "when", "which", "is", "does", "can", "could", "are", "should")
_SYLLABLE = ("bcdfghjklmnprstvwz", "aeiou", ("", "", "n", "r", "s", "l", "t", "m", "x"))


def draw_beyond(rng: random.Random) -> str:
    """A goal that is none of the known ones."""
    while True:
        goal = rng.choices(_SORTS, weights=_WEIGHTS)[0](rng)
        if goal.strip() and understood(goal) is None and crafting.understood(goal) is None:
            return goal


def pseudo_word(rng: random.Random) -> str:
    """A word that is none: one to four random syllables."""
    return "".join(rng.choice(sounds) for _ in range(rng.choice([1, 2, 2, 3, 3, 4])) for sounds in _SYLLABLE)


def _template(rng: random.Random) -> str:
    return rng.choice(_TEMPLATES).format(**{name: rng.choice(each) for name, each in _FILLERS.items()})


def _strange_question(rng: random.Random) -> str:
    """A known phrasing about something that is no category, or about somebody unknown."""
    kind = rng.choice([kind for kind in Kind if kind is not Kind.ORDERED])
    person, category = rng.choice(NAMES), _strange(rng)
    if kind is Kind.COUNT_PERSON and rng.random() < 0.5:
        person, category = pseudo_word(rng).capitalize(), rng.choice([*CATEGORIES, category])
    question = Question(kind=kind, category=category, person=person)
    return in_words(question, rng.choice(PHRASINGS[kind]), kind_of=rng.random() < 0.5)


def _strange(rng: random.Random) -> str:
    listed = rng.choice([None, None, None, PLAIN, NAMES, PLACES, [*CATEGORY_OF], _FILLERS["strange"]])
    return pseudo_word(rng) if listed is None else rng.choice(listed)


def _sentence(rng: random.Random) -> str:
    words = [pseudo_word(rng) if rng.random() < 0.15 else rng.choice(_COMMON) for _ in range(rng.randrange(3, 15))]
    asks = rng.random() < 0.5
    if asks and rng.random() < 0.7:
        words[0] = rng.choice(_ASKING)
    text = " ".join(words)
    if rng.random() < 0.8:
        text = text[0].upper() + text[1:]
    return text + rng.choice(["?", "?", ""] if asks else [".", ".", "", "!"])


def _near_miss(rng: random.Random) -> str:
    """A known goal with one to three words dropped, doubled or swapped."""
    words = _known(rng).split()
    for _ in range(rng.randrange(1, 4)):
        if len(words) > 1:
            _spoil(rng, words)
    return " ".join(words)


def _spoil(rng: random.Random, words: list[str]) -> None:
    at, other = rng.randrange(len(words)), rng.randrange(len(words))
    match rng.randrange(3):
        case 0:
            del words[at]
        case 1:
            words.insert(at, words[at])
        case _:
            words[at], words[other] = words[other], words[at]


def _known(rng: random.Random) -> str:
    if rng.random() < 0.25:
        order = Order(count=rng.randrange(1, 5_000), item=rng.choice(ITEMS), book=rng.randrange(1, 10_000))
        return crafting.worded(rng, order)
    return worded(rng, draw_question(rng, rng.choice(list(Kind))))


_SORTS: tuple[Callable[[random.Random], str], ...] = (_template, _strange_question, _sentence, _near_miss)
_WEIGHTS = (0.15, 0.35, 0.3, 0.2)
