"""Responses in vLLM's shapes: chunks of a stream, whole completions, usage."""

from collections.abc import Mapping
from typing import Any

import orjson

from rao_runtime.standin.ledger import Entry

DONE = b"data: [DONE]\n\n"
# The same request gives the same bytes in every run, so the time of creation is none.
CREATED = 0


class Shapes:
    """The JSON of one completion. Its cached tokens are known once it is admitted, so they are looked up when told."""

    def __init__(self, entry: Entry) -> None:
        self._id = f"chatcmpl-{entry.request_id}"
        self._model = entry.model
        self._prompt_tokens = entry.prompt_tokens
        self._entry = entry

    def usage(self, completion_tokens: int, *, details: bool = True) -> dict[str, Any]:
        """The usage object after so many tokens; the details come with the final one only."""
        told: dict[str, Any] = {
            "prompt_tokens": self._prompt_tokens,
            "total_tokens": self._prompt_tokens + completion_tokens,
            "completion_tokens": completion_tokens,
        }
        if details:
            told["prompt_tokens_details"] = {"cached_tokens": self._entry.cached_tokens}
        return told

    def chunk(
        self,
        delta: Mapping[str, str],
        *,
        finish_reason: str | None = None,
        stop_reason: str | None = None,
        usage: Mapping[str, Any] | None = None,
    ) -> bytes:
        """One event of a stream."""
        choice: dict[str, Any] = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        if finish_reason is not None:
            choice["stop_reason"] = stop_reason
        return self._event([choice], usage)

    def usage_chunk(self, completion_tokens: int) -> bytes:
        """The event with the usage and no choice, the last one before the end."""
        return self._event([], self.usage(completion_tokens))

    def _event(self, choices: list[dict[str, Any]], usage: Mapping[str, Any] | None) -> bytes:
        told = self._frame("chat.completion.chunk", choices)
        if usage is not None:
            told["usage"] = usage
        return b"data: " + orjson.dumps(told) + b"\n\n"

    def completion(
        self, text: str, *, finish_reason: str, stop_reason: str | None, usage: Mapping[str, Any] | None
    ) -> bytes:
        """The body of a response that is not streamed."""
        choice: dict[str, Any] = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "logprobs": None,
            "finish_reason": finish_reason,
            "stop_reason": stop_reason,
        }
        return orjson.dumps({**self._frame("chat.completion", [choice]), "usage": usage})

    def _frame(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": CREATED, "model": self._model, "choices": choices}
