"""Where replies come from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rao_runtime.standin.refusal import Refusal
from rao_runtime.standin.request import ChatRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the model writes, before stop strings and `max_tokens` cut it.

    `fault` names a fault of the catalogue that this call meets for certain; `cached_tokens` is what the usage will say.
    """

    text: str = ""
    fault: str | None = None
    cached_tokens: int = 0


class Script(Protocol):
    """Decides what the model writes. The same request gets the same reply."""

    def reply(self, request: ChatRequest) -> Reply:
        """The whole reply. Raises Refusal to answer with an error status."""
        ...


class RuleScript:
    """Replies by a function of the request."""

    def __init__(self, rule: Callable[[ChatRequest], str | Reply]) -> None:
        self._rule = rule

    def reply(self, request: ChatRequest) -> Reply:
        """What the rule says."""
        said = self._rule(request)
        return Reply(text=said) if isinstance(said, str) else said


class TranscriptScript:
    """Replies by heart: per conversation the replies of its turns, in order.

    A conversation is known by a text that its first or its last user message contains; the first key that fits counts.
    """

    def __init__(self, transcripts: Mapping[str, Sequence[str | Reply]]) -> None:
        self._transcripts = dict(transcripts)

    def reply(self, request: ChatRequest) -> Reply:
        """The reply to this turn. Raises Refusal (500) where none is written down."""
        asked = (request.first("user"), request.last("user"))
        for key, replies in self._transcripts.items():
            if any(key in text for text in asked):
                if request.turn >= len(replies):
                    raise Refusal(500, f"the transcript of {key!r} has no turn {request.turn}")
                said = replies[request.turn]
                return Reply(text=said) if isinstance(said, str) else said
        raise Refusal(500, "no transcript fits this conversation")
