"""How far an answer is from the truth, in a few words."""

from collections import Counter
from typing import Any, cast

from training.tasks import Truth

NONE = "none"


def difference(answer: object, truth: Truth) -> str:
    """`none`, or how much is wrong."""
    match truth:
        case bool() | str() | None:
            return NONE if answer == truth and type(answer) is type(truth) else "wrong"
        case int():
            return _of_numbers(answer, truth)
        case list():
            return _of_lists(answer, truth)
        case dict():
            return _of_tables(answer, truth)


def _of_numbers(answer: object, truth: int) -> str:
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        return "no number"
    off = answer - truth
    if off == 0:
        return NONE
    return f"{off:+,} ({abs(off) / truth:.1%})" if truth else f"{off:+,}"


def _of_lists(answer: object, truth: list[str]) -> str:
    if not isinstance(answer, list):
        return "no list"
    given, true = Counter(str(word) for word in cast("list[Any]", answer)), Counter(truth)
    missing, more = (true - given).total(), (given - true).total()
    parts = [f"{missing} missing"] * bool(missing) + [f"{more} too many"] * bool(more)
    return ", ".join(parts) or NONE


def _of_tables(answer: object, truth: dict[str, int]) -> str:
    if not isinstance(answer, dict):
        return "no table"
    given = cast("dict[str, Any]", answer)
    wrong = sum(given.get(word, 0) != truth.get(word, 0) for word in {*truth, *given})
    return f"{wrong} of {len({*truth, *given})} wrong" if wrong else NONE
