"""The ideal policy: what the model should write next, told from its messages alone.

It reads as the model has to: from what a cell printed, knowing the words. It never looks at what a text was made of.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rao_runtime.engine.prompt_nano import text_size
from rao_runtime.ports import Message
from training import cells
from training.cells import READ_LINES
from training.goals import PHRASINGS, Kind, Question, in_words, understood
from training.words import CATEGORY_OF

READ_CHARS = 999
CUT = re.compile(r"\[\.\.\. \d+ (?:characters cut here|more characters)")
# A part that failed for one of these may do better a second time; the others would only fail again.
WORTH_A_TRY = frozenset({"model_error", "sandbox_error", "turns", "window", "answer_invalid"})

_WORD = re.compile(r"[\w-]+")
_SIZE = re.compile(r"context: " + re.escape(text_size(0, 0)).replace("0", r"(\d+)"))


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the messages tell: `lines` and `chars` are None where the context is no text, `seen` what cells printed."""

    goal: str
    lines: int | None
    chars: int | None
    launch: bool
    seen: tuple[str, ...]

    @classmethod
    def of(cls, messages: Sequence[Message]) -> "View":
        """The view of a prompt in version `nano`."""
        first, *seen = [message.content for message in messages if message.role == "user"]
        head, _, goal = first.partition("Goal: ")
        size = _SIZE.match(head)
        return cls(
            goal=goal,
            lines=None if size is None else int(size[1]),
            chars=None if size is None else int(size[2]),
            launch="\nlaunch: yes" in head,
            seen=tuple(text.partition("\n")[2] for text in seen),
        )


def completion(messages: Sequence[Message]) -> str:
    """The whole turn as the model should write it, closing tag included."""
    thought, code = turn(View.of(messages))
    return f"<thought>{thought}</thought>\n<python>\n{code}\n</python>"


def turn(view: View) -> tuple[str, str]:
    """Thought and code of the next turn."""
    question = understood(view.goal)
    if question is None:
        return "I never learned that.", cells.fail("impossible", "I do not know how to do this")
    if view.lines is None or view.chars is None:
        return "There is no text to read.", cells.fail("insufficient_context", "there is no text to read")
    if any("\nError:\n" in f"\n{text}" for text in view.seen):
        return "My cell did not run.", cells.fail("impossible", "my code failed")
    if question.kind is Kind.ORDERED:
        return "Every line counts on the one before. Parts would not help, I follow them in order.", cells.IN_ORDER
    if view.lines > READ_LINES and view.launch:
        return _split(view, question)
    return _read(view, question)


def _read(view: View, question: Question) -> tuple[str, str]:
    if view.lines is not None and view.lines <= READ_LINES and (view.chars or 0) > READ_CHARS:
        return "Few lines, but too long.", cells.fail("insufficient_context", "the lines are too long for me")
    if not view.seen:
        return "I read it.", cells.READ
    if CUT.search(view.seen[0]):
        return "I do not see all of it.", cells.fail("insufficient_context", "the text is too long to read alone")
    found = hits(question, view.seen[0])
    return numbered(found), cells.answer(question.kind, found)


def _split(view: View, question: Question) -> tuple[str, str]:
    sub_goal = None
    if question.kind is Kind.MOST_COMMON:
        sub_goal = in_words(question, PHRASINGS[Kind.TALLY][0])
    if not view.seen:
        return "Too long to read. I split it.", cells.split(sub_goal)
    reasons = frozenset(re.findall(r"'(\w+)'", view.seen[-1]))
    if not reasons:
        return "All parts are done. I merge them.", cells.merge(question.kind)
    if len(view.seen) == 1 and reasons <= WORTH_A_TRY:
        return "Some parts failed. I launch them again.", cells.again(sub_goal)
    return "Some parts stay unread.", cells.fail("insufficient_context", "some parts could not be read")


def hits(question: Question, text: str) -> list[str]:
    """The words that count, in the order they stand there; of a line that counts as a whole, its first."""
    each_word = question.kind in {Kind.DISTINCT, Kind.TALLY, Kind.MOST_COMMON}
    found = list[str]()
    for line in text.splitlines():
        words = _WORD.findall(line)
        named = not question.person or question.person in words
        mentioned = [word for word in words if CATEGORY_OF.get(word) == question.category]
        if named:
            found += mentioned if each_word else mentioned[:1]
    return found


def numbered(found: Sequence[str]) -> str:
    """What a reading thought lists: every hit and its number, `lime 1 melon 2`."""
    return " ".join(f"{word} {number}" for number, word in enumerate(found, 1)) or "none"
