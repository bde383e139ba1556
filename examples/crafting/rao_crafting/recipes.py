"""Recipe books. A book is drawn from its number alone: the same number has the same recipes everywhere and always."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

_MATERIALS = (
    "copper iron tin brass bronze steel silver oak pine cedar maple bamboo clay glass granite marble slate wax amber "
    "ivory wool linen silk leather"
)
_FORMS = "hinge nail plate log rod wire ring wheel frame peg bolt board tube block strap hook"
ITEMS = tuple(f"{material} {form}" for material in _MATERIALS.split() for form in _FORMS.split())

DEEPEST = 8
RAW_ITEMS = 96
MOST_BOOKS = 9_999
_COUNTS = (1, 1, 1, 2, 2, 3)
_KINDS = ("raw", "simple", "deep")
_RAW_SHARE, _SIMPLE_SHARE = 0.6, 0.25


@dataclass(frozen=True, slots=True)
class Book:
    """The recipes of one number. `tiers[t]` are the items of tier t: 0 is raw, others need an item of tier t - 1."""

    number: int
    tiers: Sequence[Sequence[str]]
    tier_of: Mapping[str, int]

    def tier(self, item: str) -> int:
        """The item's tier; ValueError where there is no such item."""
        if item not in self.tier_of:
            raise ValueError(f'there is no item "{item}"')
        return self.tier_of[item]

    def recipe(self, item: str) -> Mapping[str, int]:
        """What one of this item needs, and how many of each; ValueError where it is raw or unknown."""
        tier = self.tier(item)
        if tier == 0:
            raise ValueError(f"{item} is raw")
        rng = random.Random(f"{self.number}/{item}")
        names = [rng.choice(self.tiers[tier - 1])]
        wanted = rng.choice((2, 3))
        while len(names) < wanted:
            other = rng.choice(self.tiers[_other_tier(rng, tier)])
            if other not in names:
                names.append(other)
        rng.shuffle(names)
        return {name: rng.choice(_COUNTS) for name in names}

    def told(self, item: str) -> str:
        """The recipe in one line, what takes longest first: deep, simple (made of raw ones only), raw ingredients."""
        listed = sorted(self.recipe(item).items(), key=lambda each: -min(self.tier(each[0]), len(_KINDS) - 1))
        return f"{item} needs {', '.join(f'{count} {self._kind(name)} {name}' for name, count in listed)}"

    def _kind(self, item: str) -> str:
        return _KINDS[min(self.tier(item), len(_KINDS) - 1)]


@lru_cache(maxsize=512)
def book(number: int) -> Book:
    """The book of this number."""
    items = list(ITEMS)
    random.Random(f"book {number}").shuffle(items)
    raw, made = items[:RAW_ITEMS], items[RAW_ITEMS:]
    each = len(made) // DEEPEST
    tiers = [raw, *(made[start : start + each] for start in range(0, each * DEEPEST, each))]
    return Book(number, tiers, {item: tier for tier, its in enumerate(tiers) for item in its})


def _other_tier(rng: random.Random, tier: int) -> int:
    drawn = rng.random()
    if tier == 1 or drawn < _RAW_SHARE:
        return 0
    # Below tier 4 there is no tier between the simple ones and the one that is needed anyway.
    if tier < 4 or drawn < _RAW_SHARE + _SIMPLE_SHARE:
        return 1
    return rng.randrange(2, tier - 1)
