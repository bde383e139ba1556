"""The lists that texts are drawn from."""

import re
from collections import Counter

from training import goals, lines
from training.words import CATEGORIES, CATEGORY_OF, NAMES, PLACES, PLAIN


def test_there_are_enough_categories_and_words() -> None:
    assert len(CATEGORIES) >= 8
    assert min(map(len, CATEGORIES.values())) >= 25


def test_every_word_means_one_thing() -> None:
    everything = [*CATEGORY_OF, *PLAIN, *PLACES, *map(str.lower, NAMES), *CATEGORIES]
    listed = sum(map(len, CATEGORIES.values()))
    assert [word for word, count in Counter(everything).items() if count > 1] == []
    assert len(CATEGORY_OF) == listed


def test_words_are_found_whole_and_phrasings_mention_none_of_their_own() -> None:
    known = {*CATEGORY_OF, *PLAIN, *PLACES, *NAMES}
    assert [word for word in known if not re.fullmatch(r"\w+", word)] == []
    own = [re.sub(r"\{\w+\}", " ", phrasing) for phrasing in (*lines.PHRASINGS, *lines.MOVES)]
    assert known.isdisjoint(word for phrasing in own for word in re.findall(r"\w+", phrasing))


def test_a_goal_names_no_category_but_its_own() -> None:
    own = [re.sub(r"\{\w+\}", " ", each) for phrasings in goals.PHRASINGS.values() for each in phrasings]
    assert set(CATEGORIES).isdisjoint(word for each in own for word in re.findall(r"\w+", each))
