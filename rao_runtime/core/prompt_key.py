"""Names the parts of a prompt, so that prompts can be matched without their text.

A message is cut into chunks, and each chunk's name depends on all that stands before it: two prompts share a name only
where they are the same up to there. Names are Python's own hashes: they hold within one process, which is all that
placement needs, since it only ever asks whether two are equal.
"""

from array import array
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Protocol

from rao_runtime.core.placement import PromptKey, Segment

# Long enough that a prompt of 30,000 characters has 60 names, short enough that prompts which part in the middle of a
# message lose at most some 130 tokens of what they share. A message's first chunks are shorter: siblings' goals often
# begin alike and then name their part, and of a short prompt that beginning is most of what can be cached.
CHUNK_CHARS = 512
FIRST_CHUNK_CHARS = 64

# What a chat template adds around a message: role names and markers.
MESSAGE_TOKENS = 8


class Spoken(Protocol):
    """A chat message."""

    @property
    def role(self) -> str:
        """Who says it."""
        ...

    @property
    def content(self) -> str:
        """What."""
        ...


class KeyChain:
    """The names of one prompt's chunks, each made once. Those of two salts never match: it keeps tenants apart.

    Holds twelve bytes for a chunk and no text but the last message's, which the prompt holds as well.
    """

    __slots__ = ("_asked", "_chains", "_last", "_messages", "_salt", "_settled", "_tokens", "_written")

    def __init__(self, salt: Hashable = None) -> None:
        self._salt = hash(salt)
        self._chains = array("q")
        self._tokens = array("I")
        self._messages = 0
        self._settled = 0  # chunks of all messages but the last
        self._last: str | None = None
        self._asked = 0
        self._written = 0

    def key(self, messages: Sequence[Spoken], estimate: Callable[[str], int], siblings: str = "") -> PromptKey:
        """The key of these messages: those of the call before, the last of which may have grown, and new ones.

        `estimate` tells the tokens of a text.
        """
        if self._messages and messages[self._messages - 1].content is not self._last:
            self._drop_last()
        for message in messages[self._messages :]:
            self._add(message, estimate)
        return PromptKey(tuple(map(Segment, self._chains, self._tokens)), siblings, self._asked, self._written)

    def _drop_last(self) -> None:
        del self._chains[self._settled :], self._tokens[self._settled :]
        self._messages -= 1

    def _add(self, message: Spoken, estimate: Callable[[str], int]) -> None:
        self._settled = len(self._chains)
        chain = self._chains[-1] if self._chains else self._salt
        role, content, frame = message.role, message.content, MESSAGE_TOKENS
        for chunk in _chunks(content):
            chain = hash((chain, role, chunk))
            self._chains.append(chain)
            self._tokens.append(frame + estimate(chunk))
            role, frame = "", 0
        self._messages += 1
        self._last = content
        if message.role == "assistant":
            self._asked, self._written = self._settled, len(self._chains)


def _chunks(content: str) -> Iterator[str]:
    """The parts of a message, each twice as long as the one before until they are long; an empty one has one part."""
    start, size = 0, FIRST_CHUNK_CHARS
    while start < len(content) or not start:
        yield content[start : start + size]
        start, size = start + size, min(2 * size, CHUNK_CHARS)
