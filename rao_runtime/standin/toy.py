"""A toy policy: a few rules play the model's part, honestly.

It knows what its prompt shows and computes in the REPL.
"""

import re
from dataclasses import dataclass

from rao_runtime.standin.request import ChatRequest
from rao_runtime.standin.script import Reply
from rao_runtime.standin.view import View

_MENTIONS = re.compile(
    r"\blines?\s+(?:\w+\s+){0,3}?(?:mention|contain|include)(?:s|ing)?\s+(?:the words?\s+)?(?P<what>[^\n]+)",
    re.IGNORECASE,
)
_WORDS = re.compile(r"\b(?:count|number of|how many)\s+(?:the\s+|all\s+)?words\b", re.IGNORECASE)
_WHERE = re.compile(r"\s+in (?:the|this|your) (?:context|text|data)$", re.IGNORECASE)
_KIND = re.compile(r"^(?:a|any|some)\s+kinds?\s+of\s+(\w+?)s?$", re.IGNORECASE)
_KINDS = {"fruit": ("apple", "banana", "cherry", "fig", "grape", "lemon", "mango", "orange", "peach", "pear", "plum")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Something to find out about a text that adds up over its parts.

    `expression` gives it for the variable `text`, `merged` for the list `answers` of parts; `returns` is its schema.
    """

    what: str
    expression: str
    merged: str
    returns: str


@dataclass(frozen=True, slots=True)
class ToyScript:
    """Counts lines that mention something, counts words, or tells lines and characters.

    A context over `bound_chars` it splits at line ends into about `fanout` parts, one for each copy of itself, and adds
    up what they answer; a part whose copy failed it measures itself. Where it may not launch, or cannot split, it does
    all by itself.
    """

    bound_chars: int = 4000
    fanout: int = 4

    def reply(self, request: ChatRequest) -> Reply:
        """The cell of this turn."""
        view = View.of(request)
        measure = measure_of(view.goal)
        chars = view.context_chars or 0
        if view.turn > 2:
            cell = "fail('impossible', 'none of my attempts worked')"
            return Reply(text=view.action("I have nothing left to try.", cell))
        if view.turn == 2 or chars <= self.bound_chars or not view.can_launch:
            return Reply(
                text=view.action(f"I will {measure.what} myself.", f"{_measuring(measure)}\nfinish(measure(text))")
            )
        if view.turn == 0:
            thought = f"{chars} characters are too many for me: copies of me shall {measure.what} in parts of them."
            return Reply(text=view.action(thought, self._split(measure)))
        return Reply(text=view.action("The parts are measured. I add them up.", _merge(measure)))

    def _split(self, measure: Measure) -> str:
        return f"""import asyncio
{_measuring(measure)}
parts = []
start = 0
while start < len(text):
    newline = text.find('\\n', start + len(text) // {self.fanout})
    end = len(text) if newline < 0 else newline + 1
    parts.append(text[start:end])
    start = end
if len(parts) < 2:
    finish(measure(text))
results = await asyncio.gather(*[launch_subagent(goal, part, returns={measure.returns}) for part in parts])
print(len(parts), 'parts:', results)"""


def measure_of(goal: str) -> Measure:
    """What the goal asks for, as far as a toy understands it."""
    mentions = _MENTIONS.search(goal)
    if mentions:
        needles = _needles(mentions["what"])
        hits = f"[line for line in text.lower().splitlines() if any([word in line for word in {needles!r}])]"
        return _number(f"count the lines that mention {' or '.join(needles)}", f"len({hits})")
    if _WORDS.search(goal):
        return _number("count the words", "len(text.split())")
    return Measure(
        what="count the lines and characters",
        expression="{'lines': len(text.splitlines()), 'characters': len(text)}",
        merged="{name: sum([answer[name] for answer in answers]) for name in ('lines', 'characters')}",
        returns="{'type': 'object', 'required': ['lines', 'characters']}",
    )


def _number(what: str, expression: str) -> Measure:
    return Measure(what=what, expression=expression, merged="sum(answers)", returns="{'type': 'integer'}")


def _needles(what: str) -> list[str]:
    phrase = _WHERE.sub("", what.strip().rstrip(".?!")).strip().strip("'\"`“”").lower()
    kind = _KIND.match(phrase)
    return list(_KINDS.get(kind[1], (phrase,))) if kind else [phrase]


def _measuring(measure: Measure) -> str:
    return f"""def measure(text):
    return {measure.expression}
if isinstance(context, dict):
    context = list(context.values())
text = context if isinstance(context, str) else '\\n'.join(context or [])"""


def _merge(measure: Measure) -> str:
    return f"""answers = []
for part, result in zip(parts, results):
    answers.append(measure(part) if isinstance(result, Failed) else result)
finish({measure.merged})"""
