"""The true answer for any text, as far as our word list knows it: words count as they stand there, exactly."""

from collections import Counter

from training.goals import Kind, Question
from training.oracle import hits
from training.tasks import Truth


def knows(question: Question) -> bool:
    """Whether words alone decide it."""
    return question.kind is not Kind.ORDERED


def truth(question: Question, text: str) -> Truth:
    """The answer for a question that the list knows."""
    found = hits(question, text)
    match question.kind:
        case Kind.COUNT | Kind.COUNT_PERSON:
            return len(found)
        case Kind.DISTINCT:
            return sorted(set(found))
        case Kind.MOST_COMMON:
            return min(found, key=lambda word: (-found.count(word), word), default=None)
        case Kind.TALLY:
            return dict(Counter(found))
        case Kind.ANY:
            return bool(found)
        case Kind.NONE:
            return not found
        case Kind.ORDERED:
            raise ValueError("no word list tells what is on the shelf")
