"""What a node may be told besides its goal: how long its text is, a schema for its answer, a check on it.

None of it says whether the goal is a known one, so goals of both sorts have it drawn in the same way: wherever one sort
alone had long lines, short lines or a schema, the model took that for the sign it had to look for.
"""

import random
from collections.abc import Mapping
from typing import Any

from rao_runtime.engine.prompt_nano import text_size
from training.goals import Kind
from training.words import PLACES, PLAIN

LINE_CHARS = (4, 250)
WITH_SCHEMA, WITH_CHECK = 0.2, 0.1

_SCHEMAS: Mapping[Kind, Mapping[str, Any]] = {
    Kind.COUNT: {"type": "integer"},
    Kind.COUNT_PERSON: {"type": "integer"},
    Kind.DISTINCT: {"type": "array", "items": {"type": "string"}},
    Kind.MOST_COMMON: {"type": "string"},
    Kind.TALLY: {"type": "object"},
    Kind.ANY: {"type": "boolean"},
    Kind.NONE: {"type": "boolean"},
    Kind.ORDERED: {"type": "integer"},
}
_TYPES = ("int", "str", "list", "dict", "bool", "(int, float)")
_VALUES = ("answer", "answer", "answer", "len(answer)", "sum(answer.values())", "max(answer)", "abs(answer)")
_SIGNS = (">=", ">=", ">", "<=", "<", "!=", "==")
_TESTS = (
    "answer is not None",
    "bool(answer)",
    "answer == sorted(answer)",
    "len(set(answer)) == len(answer)",
    "answer in (True, False)",
    "answer.strip() != ''",
    "answer.islower()",
    "all(w.isalpha() for w in answer)",
    "all(n > 0 for n in answer.values())",
)


def drawn_size(rng: random.Random, lines: int) -> str:
    """The size of a text of so many lines, which may be short or long."""
    shortest, longest = LINE_CHARS
    return text_size(lines, int(lines * shortest * (longest / shortest) ** rng.random()))


def drawn_schema(rng: random.Random, kind: Kind | None) -> Mapping[str, Any] | None:
    """Mostly none; else one for answers of this kind, or of any where it is None, at times with more said in it."""
    if rng.random() >= WITH_SCHEMA:
        return None
    schema = _SCHEMAS[rng.choice(list(Kind)) if kind is None else kind]
    return schema if rng.random() < 0.5 else {**schema, **_detail(rng)}


def drawn_check(rng: random.Random) -> str | None:
    """Mostly none; else an expression over `answer`, of one comparison or two."""
    if rng.random() >= WITH_CHECK:
        return None
    return " and ".join(_test(rng) for _ in range(rng.choice([1, 1, 1, 2])))


def _detail(rng: random.Random) -> Mapping[str, Any]:
    number, words = int(5_000 ** rng.random()), f"{rng.choice(PLACES)} {rng.choice(PLAIN)}"
    return rng.choice(
        [
            {"minimum": 0},
            {"minimum": 0, "maximum": number},
            {"minItems": 1},
            {"maxLength": number},
            {"title": words},
            {"description": f"the {words}"},
            {"enum": words.split()},
        ]
    )


def _test(rng: random.Random) -> str:
    value, number = rng.choice(_VALUES), int(5_000 ** rng.random()) - 1
    match rng.randrange(4):
        case 0:
            return f"isinstance(answer, {rng.choice(_TYPES)})"
        case 1:
            return rng.choice(_TESTS)
        case 2 if rng.random() < 0.3:
            return f"0 <= {value} <= {number}"
        case _:
            return f"{value} {rng.choice(_SIGNS)} {rng.choice([0, 0, number])}"
