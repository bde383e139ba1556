"""A chat completion from its stream's events: text so far, usage so far, how it ended. Knows nothing of HTTP."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard, cast

import orjson

from rao_runtime.adapters import openai_errors
from rao_runtime.adapters.stop_text import StopText
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.usage import Tokens

DONE = b"[DONE]"
FAILED_FINISHES = frozenset({"abort", "error"})
THINKING = ("reasoning", "reasoning_content")


class Completion:
    """One completion as it grows.

    `begun`: the model has written something, be it reasoning; `events` counts chunks from then on. `tokens`: the
    latest usage told. `reason`: the finish reason, once it came. `over`: nothing that matters can follow; `cut_off`:
    though the server would go on. `failure`: BROKEN for what is no chunk, SERVER for an error the server reports.
    """

    __slots__ = ("_stop", "begun", "cut_off", "events", "failure", "over", "reason", "tokens")

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = StopText(stop)
        self.begun = False
        self.events = 0
        self.tokens: Tokens | None = None
        self.reason: str | None = None
        self.over = False
        self.cut_off = False
        self.failure: ModelError | None = None

    def take(self, events: Iterable[bytes]) -> str:
        """The text these events add. At the first that is wrong it stops, unless the completion was whole by then."""
        text = ""
        try:
            for event in events:
                if event == DONE:
                    self._done()
                if self.over:
                    break
                text += self._chunk(_object(event))
        except ModelError as error:
            self.over = True
            self.failure = error if self.reason is None else None
        return text

    def rest(self) -> str:
        """What was held back for a stop string that did not come."""
        return self._stop.rest()

    def _done(self) -> None:
        self.over = True
        if self.reason is None and self.begun:
            self.reason = "stop"

    def _chunk(self, chunk: dict[str, Any]) -> str:
        error = openai_errors.of_event(chunk)
        if error is not None:
            raise error
        usage = chunk.get("usage")
        if usage is not None:
            self.tokens = _tokens(usage) or self.tokens
        choices = chunk.get("choices")
        if not choices:
            return ""
        try:
            return self._choice(choices[0])
        except (TypeError, AttributeError, KeyError) as wrong:
            raise _broken("a chunk of another shape than a chat completion's") from wrong

    def _choice(self, choice: dict[str, Any]) -> str:
        delta: dict[str, Any] = choice.get("delta") or {}
        content = _text(delta.get("content"))
        reason = _text(choice.get("finish_reason"))
        self.begun = self.begun or bool(content or reason or any(map(delta.get, THINKING)))
        self.events += self.begun
        if content and self._stop.stopped:
            # The server neither ends at a stop string nor leaves it out: end for it.
            self.reason = "stop"
            self.over = self.cut_off = True
            return ""
        text = self._stop.feed(content) if content else ""
        if reason:
            self._finish(reason)
        return text

    def _finish(self, reason: str) -> None:
        if reason in FAILED_FINISHES:
            raise ModelError(FailureKind.SERVER, f"the replica gave the completion up with {reason!r}")
        self.reason = "stop" if self._stop.stopped else reason


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError("text expected")
    return value


def _object(event: bytes) -> dict[str, Any]:
    try:
        parsed = orjson.loads(event)
    except orjson.JSONDecodeError as error:
        raise _broken(f"an event that is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise _broken("an event that is not an object")
    return cast("dict[str, Any]", parsed)


def _tokens(usage: object) -> Tokens | None:
    if not isinstance(usage, dict):
        return None
    counts = cast("dict[str, Any]", usage)
    details: object = counts.get("prompt_tokens_details")
    cached = cast("dict[str, Any]", details).get("cached_tokens") if isinstance(details, dict) else None
    prompt, output = counts.get("prompt_tokens"), counts.get("completion_tokens")
    if not _is_count(prompt) or not _is_count(output):
        return None
    return Tokens(input=prompt, cached=min(cached, prompt) if _is_count(cached) else 0, output=output)


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _broken(message: str) -> ModelError:
    return ModelError(FailureKind.BROKEN, message)
