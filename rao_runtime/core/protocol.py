"""How a model writes an action and how it is read back: RAO's tags, or a fenced block of an ordinary instruct model.

Reading is one pass of `str.find`, no regular expression: a model may write a megabyte of anything.
"""

import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from rao_runtime.core.values import well_formed


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One reply, read.

    `problem` is an observation the model can act on. Without `code` it says why there is none; beside `code` it says
    what else of the reply was ignored.
    """

    thought: str
    code: str | None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The first code block of a reply; `code` is None where there is none.

    `end` is the offset after the block, its closing mark included. `missing` is the closing mark of what is still open
    at the end of the text, or empty. `more` tells that another code block follows.
    """

    thought: str
    code: str | None
    end: int
    missing: str = ""
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionProtocol:
    """One way to write actions. `stops` are the stop strings of a request; they are not part of its text."""

    name: str
    stops: tuple[str, ...]
    how: str
    find: Callable[[str], Block]

    def parse(self, text: str, finish_reason: str, *, max_tokens: int | None = None) -> Action:
        """What a completion asks for. `max_tokens` is the bound it was asked under, for the words about a cut."""
        block = self.find(well_formed(text))
        problem = self._problem(block, finish_reason, max_tokens)
        if problem is not None:
            return Action(thought=block.thought, code=None, problem=problem)
        note = f"Only the first code block ran; the rest was ignored. {self.how}" if block.more else None
        return Action(thought=block.thought, code=block.code, problem=note)

    def render(self, text: str, finish_reason: str) -> str:
        """The assistant message that stands for this completion in every later prompt.

        It is what the model wrote, up to the end of the block that was read, so that prompts stay append-only; the
        closing mark that the stop string took away is put back. A completion cut at its length stays cut.
        """
        text = well_formed(text)
        block = self.find(text)
        if finish_reason == "stop" and block.missing:
            return text + block.missing
        return text[: block.end]

    def _problem(self, block: Block, finish_reason: str, max_tokens: int | None) -> str | None:
        whole = block.code is not None and not block.missing
        if finish_reason != "stop" and not whole:
            where = "before" if block.code is None else "inside"
            return f"{_ended(finish_reason, max_tokens)} {where} the code, so nothing ran. Write less. {self.how}"
        if block.code is None:
            return f"Your reply had no code, so nothing ran. {self.how}"
        if not block.code.strip():
            return f"Your code block was empty, so nothing ran. {self.how}"
        return None


def _ended(finish_reason: str, max_tokens: int | None) -> str:
    if finish_reason != "length":
        return f"Your reply was ended early ({finish_reason})"
    return "Your reply was cut off" + (f" at {max_tokens} tokens" if max_tokens is not None else "")


def _body_start(text: str, opening: str, reopening: str) -> int:
    """Where a reasoning model's own thinking ends and its reply starts.

    The opening `<think>` may be missing, since some chat templates write it into the prompt. A `</think>` counts unless
    the only code opens before it: then it is part of that code.
    """
    start = len(text) - len(text.lstrip())
    end = text.find("</think>")
    if end >= 0 and (opening not in text[:end] or reopening in text[end:]):
        return end + len("</think>")
    return start + len("<think>") if text.startswith("<think>", start) else 0


def _tidy(code: str) -> str:
    """The code without what only surrounds it: blank lines, a shared indentation, spaces after the opening mark."""
    first, newline, rest = code.partition("\n")
    if first.strip():
        return (first.lstrip() + newline + rest).rstrip()
    body = rest.lstrip("\n").rstrip()
    return textwrap.dedent(body) if body[:1] in {" ", "\t"} else body


# --- RAO's tags ------------------------------------------------------------------------------------------------------

_OPEN, _CLOSE = "<python>", "</python>"
_THOUGHT, _THOUGHT_END = "<thought>", "</thought>"


def find_tagged(text: str) -> Block:
    """The first `<python>` block, and the `<thought>` before it."""
    body = _body_start(text, _OPEN, _OPEN)
    opened = _tag_opens(text, body)
    if opened < 0:
        return Block(thought=_tagged_thought(text[body:]), code=None, end=len(text))
    thought = _tagged_thought(text[body:opened])
    start = opened + len(_OPEN)
    closed = text.find(_CLOSE, start)
    if closed < 0:
        return Block(thought=thought, code=_tagged_code(text[start:]), end=len(text), missing=_CLOSE)
    end = closed + len(_CLOSE)
    return Block(thought=thought, code=_tagged_code(text[start:closed]), end=end, more=text.find(_OPEN, end) >= 0)


def _tag_opens(text: str, body: int) -> int:
    """Where the code opens; a tag that the thought only mentions does not count."""
    first = text.find(_OPEN, body)
    thought = text.find(_THOUGHT, body, max(first, 0))
    if thought < 0:
        return first
    closed = text.find(_CLOSE, first)
    thought_end = text.find(_THOUGHT_END, thought, len(text) if closed < 0 else closed)
    after_thought = text.find(_OPEN, thought_end) if thought_end >= 0 else -1
    return first if after_thought < 0 else after_thought


def _tagged_thought(text: str) -> str:
    _, opened, inside = text.partition(_THOUGHT)
    return (inside if opened else text).partition(_THOUGHT_END)[0].strip()


def _tagged_code(text: str) -> str:
    """What stands between the tags; models put a second opening tag, or a fenced block, inside."""
    if text.lstrip().startswith(_OPEN):
        text = text.lstrip().removeprefix(_OPEN)
    if text.lstrip().startswith("```"):
        fenced = next(_fenced(text, 0), None)
        if fenced is not None:
            return _tidy(text[fenced.code_from : fenced.code_to])
    return _tidy(text)


# --- Fenced blocks ---------------------------------------------------------------------------------------------------

_PYTHON = {"python", "py", "python3", "py3", "ipython", "repl", ""}


@dataclass(frozen=True, slots=True)
class _Fence:
    mark: str
    indent: int
    python: bool

    def closed_by(self, line: str) -> bool:
        """A closing mark is as long or longer, alone on its line, and not further in than 3: CommonMark's rule.

        It keeps a fence in an indented string from ending the block.
        """
        bare = line.strip()
        deep = len(line) - len(line.lstrip()) > self.indent + 3
        return not deep and len(bare) >= len(self.mark) and set(bare) == {self.mark[0]}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fenced:
    """A fenced block by offsets; `end` is None while it is open."""

    fence: _Fence
    start: int
    code_from: int
    code_to: int
    end: int | None


def find_fenced(text: str) -> Block:
    """The first block fenced as Python or as nothing, and all text before it; other languages count as text."""
    body = _body_start(text, "```", "```py")
    missing = ""
    blocks = _fenced(text, body)
    for block in blocks:
        if block.end is None:
            missing = ("" if text.endswith("\n") else "\n") + " " * block.fence.indent + block.fence.mark
        if block.fence.python:
            return Block(
                thought=text[body : block.start].strip(),
                code=_tidy("\n" + text[block.code_from : block.code_to]),
                end=len(text) if block.end is None else block.end,
                missing=missing,
                more=any(other.fence.python for other in blocks),
            )
    return Block(thought=text[body:].strip(), code=None, end=len(text), missing=missing)


def _fenced(text: str, position: int) -> Iterator[_Fenced]:
    if "```" not in text and "~~~" not in text:
        return  # the common case under tags; the walk over lines takes 0.4 s for a megabyte of them
    fence: _Fence | None = None
    start = code_from = position
    while position < len(text):
        newline = text.find("\n", position)
        after = len(text) if newline < 0 else newline + 1
        line = text[position:after]
        if fence is None:
            fence, start, code_from = _opening(line), position, after
        elif fence.closed_by(line):
            end = position + len(line.rstrip())
            yield _Fenced(fence=fence, start=start, code_from=code_from, code_to=position, end=end)
            fence = None
        position = after
    if fence is not None:
        yield _Fenced(fence=fence, start=start, code_from=code_from, code_to=len(text), end=None)


def _opening(line: str) -> _Fence | None:
    bare = line.strip()
    kind = bare[:1]
    if kind not in {"`", "~"}:
        return None
    info = bare.lstrip(kind)
    mark = bare[: len(bare) - len(info)]
    if len(mark) < 3 or "`" in info:
        return None
    words = info.split(maxsplit=1)
    language = words[0].lower().strip("{}.") if words else ""
    return _Fence(mark, len(line) - len(line.lstrip()), language in _PYTHON)


# --- The two protocols ------------------------------------------------------------------------------------------------


def _either(first: Callable[[str], Block], other: Callable[[str], Block]) -> Callable[[str], Block]:
    """Reads the one, or the other where the one finds no code: models mix the two up, and what they mean is plain."""

    def find(text: str) -> Block:
        block = first(text)
        if block.code is not None:
            return block
        fallback = other(text)
        return block if fallback.code is None else fallback

    return find


RAO = ActionProtocol(
    name="rao",
    stops=(_CLOSE,),
    how="Write one <thought>...</thought>, then all your Python between one <python> and </python>.",
    find=_either(find_tagged, find_fenced),
)

# The stop string ends a reply at a closed block that is followed by an empty line, which is how instruct models go on
# to explain or to invent an output. "\n```\n" would also fire at a bare opening fence and lose the code; "```" at every
# opening. A block followed by nothing ends the reply by itself, one followed directly by text costs a few tokens more.
MARKDOWN = ActionProtocol(
    name="markdown",
    stops=("\n```\n\n",),
    how="Write your thought, then all your Python in one block that starts with ```python and ends with ```.",
    find=_either(find_fenced, find_tagged),
)

PROTOCOLS: Mapping[str, ActionProtocol] = {protocol.name: protocol for protocol in (RAO, MARKDOWN)}
