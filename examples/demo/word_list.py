"""The true answer for any text, as far as our word list knows it: words count as they stand there, exactly.

A person is named wherever the letters of the name stand, as for the model.
"""

from training.goals import Kind, Question
from training.oracle import hits
from training.tasks import Truth, told_by


def knows(question: Question) -> bool:
    """Whether words alone decide it."""
    return question.kind is not Kind.ORDERED


def truth(question: Question, text: str) -> Truth:
    """The answer for a question that the list knows."""
    return told_by(question.kind, hits(question, text))
