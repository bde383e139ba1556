"""The ideal policy: what the model should write next, told from its messages alone.

It reads as the model has to: from what a cell printed, knowing the words. It never looks at what a text was made of.
"""

import re
from collections.abc import Sequence

from rao_runtime.ports import Message
from training import cells, crafting
from training.cells import READ_LINES
from training.goals import PHRASINGS, Kind, Question, in_words, understood
from training.view import WORTH_A_TRY, View
from training.words import CATEGORY_OF

READ_CHARS = 999
CUT = re.compile(r"\[\.\.\. \d+ (?:characters cut here|more characters)")

_WORD = re.compile(r"[\w-]+")
_READS = ("I read it.", cells.READ)


def completion(messages: Sequence[Message]) -> str:
    """The whole turn as the model should write it, closing tag included."""
    thought, code = turn(View.of(messages))
    return f"<thought>{thought}</thought>\n<python>\n{code}\n</python>"


def turn(view: View) -> tuple[str, str]:
    """Thought and code of the next turn."""
    order = crafting.understood(view.goal)
    if order is not None:
        return crafting.turn(view, order)
    question = understood(view.goal)
    if question is None:
        return "I never learned that.", cells.fail("impossible", "I do not know how to do this")
    if view.lines is None or view.chars is None:
        return "There is no text to read.", cells.fail("insufficient_context", "there is no text to read")
    if view.error:
        return "My cell did not run.", cells.fail("impossible", "my code failed")
    if question.kind is Kind.ORDERED:
        return "Every line counts on the one before. Parts would not help, I follow them in order.", cells.IN_ORDER
    long = view.chars > READ_CHARS and view.lines > 1
    if view.launch and (view.lines > READ_LINES or long):
        return _split(view, question, by_line=view.lines <= READ_LINES)
    return _read(view, question)


def _read(view: View, question: Question) -> tuple[str, str]:
    if view.lines is not None and view.lines <= READ_LINES and (view.chars or 0) > READ_CHARS:
        return "Few lines, but too long.", cells.fail("insufficient_context", "the lines are too long for me")
    if not view.seen:
        # A name is the same letters everywhere: that much of the reading code can do.
        return ("I read where it is named.", cells.read_named(question.person)) if question.person else _READS
    if CUT.search(view.seen[0]):
        return "I do not see all of it.", cells.fail("insufficient_context", "the text is too long to read alone")
    found = hits(question, view.seen[0])
    return numbered(found), cells.answer(question.kind, found)


def _split(view: View, question: Question, *, by_line: bool) -> tuple[str, str]:
    sub_goal = None
    if question.kind is Kind.MOST_COMMON:
        sub_goal = in_words(question, PHRASINGS[Kind.TALLY][0])
    if not view.seen:
        thought = "Few lines, but long. I split it by line." if by_line else "Too long to read. I split it."
        return thought, cells.split(sub_goal, by_line=by_line)
    if not view.reasons:
        return "All parts are done. I merge them.", cells.merge(question.kind)
    if len(view.seen) == 1 and view.reasons <= WORTH_A_TRY:
        return "Some parts failed. I launch them again.", cells.again(sub_goal)
    return "Some parts stay unread.", cells.fail("insufficient_context", "some parts could not be read")


def hits(question: Question, text: str) -> list[str]:
    """The words that count, in the order they stand there; of a line that counts as a whole, its first."""
    each_word = question.kind in {Kind.DISTINCT, Kind.TALLY, Kind.MOST_COMMON}
    found = list[str]()
    for line in text.splitlines():
        # As `cells.read_named` finds it, so that a text with `Annabel` has one truth for both.
        named = question.person in line
        mentioned = [word for word in _WORD.findall(line) if CATEGORY_OF.get(word) == question.category]
        if named:
            found += mentioned if each_word else mentioned[:1]
    return found


def numbered(found: Sequence[str]) -> str:
    """What a reading thought lists: every hit and its number, `found lime 1 melon 2`.

    `found` comes first so that the first word, too, has a space before it: with it a word is one token.
    """
    return "found " + (" ".join(f"{word} {number}" for number, word in enumerate(found, 1)) or "none")
