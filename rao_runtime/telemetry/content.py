"""Texts of a task in spans, where an operator has asked for them, cut to size."""

import json
from typing import Any

from rao_runtime.core.values import cut

# A backend takes a few MiB a request, and a batch has hundreds of spans.
MOST_CHARS = 8_192


def text(content: str, most: int = MOST_CHARS) -> str:
    """The text, without its middle where it has more than `most` characters."""
    return cut(content, most)[0]


def as_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """The value as JSON; where it is long, without its middle."""
    return text(json.dumps(value, ensure_ascii=False))


def messages(role: str, content: str, finish_reason: str | None = None) -> str:
    """One message as OpenTelemetry's schema of input and output messages wants it; the latter have a finish reason."""
    message: dict[str, Any] = {"role": role, "parts": [{"type": "text", "content": text(content)}]}
    if finish_reason is not None:
        message["finish_reason"] = finish_reason
    return json.dumps([message], ensure_ascii=False)
