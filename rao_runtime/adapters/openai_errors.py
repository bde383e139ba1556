"""What goes wrong at a replica, as a ModelError: the one table of statuses and exceptions."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, cast

import aiohttp
import httpx
import orjson

from rao_runtime.core.errors import FailureKind, ModelError

MAX_MESSAGE_CHARS = 500

STATUS = {
    408: FailureKind.TIMEOUT,
    429: FailureKind.BUSY,
    503: FailureKind.BUSY,
}

# The first that matches. Whatever is not named here happened on a connection that stood.
EXCEPTION: tuple[tuple[type[Exception], FailureKind], ...] = (
    (aiohttp.ClientConnectorError, FailureKind.UNREACHABLE),
    (aiohttp.ConnectionTimeoutError, FailureKind.UNREACHABLE),
    (aiohttp.InvalidURL, FailureKind.UNREACHABLE),
    (TimeoutError, FailureKind.TIMEOUT),
    (Exception, FailureKind.BROKEN),
)


def of_status(status: int, retry_after: str | None, body: bytes) -> ModelError:
    """The failure an HTTP status other than 200 means; the message is the server's own."""
    message = f"HTTP {status}: {_said(body)}".removesuffix(": ")
    return ModelError(_kind_of(status), message, status=status, retry_after_s=_seconds(retry_after))


def of_exception(error: Exception) -> ModelError:
    """The failure a transport's exception means."""
    # httpx-aiohttp calls a refused connection and a dropped one alike ConnectTimeout; what it wraps tells them apart.
    cause = error.__cause__ if isinstance(error, httpx.HTTPError) and error.__cause__ else error
    kind = next(kind for type_, kind in EXCEPTION if isinstance(cause, type_))
    return ModelError(kind, cut(f"{type(cause).__name__}: {cause}".removesuffix(": ")))


def of_event(event: Mapping[str, Any]) -> ModelError | None:
    """The failure an event inside a 200 stream reports, or None where it reports none.

    vLLM checks some of a request only once its stream has begun; the event then names the status it stands for.
    """
    error = event.get("error")
    if not error and event.get("object") != "error":
        return None
    status = _status_in(error or event)
    kind = FailureKind.SERVER if status is None else _kind_of(status)
    return ModelError(kind, cut(f"error inside the stream: {_text_of(error or event)}"), status=status)


def cut(message: str) -> str:
    """The message on one line, at most 500 characters of it."""
    line = " ".join(message.split())
    return line if len(line) <= MAX_MESSAGE_CHARS else line[: MAX_MESSAGE_CHARS - 1] + "…"


def _kind_of(status: int) -> FailureKind:
    if status in STATUS:
        return STATUS[status]
    if status < 400:
        return FailureKind.BROKEN
    return FailureKind.REJECTED if status < 500 else FailureKind.SERVER


def _status_in(error: object) -> int | None:
    code = cast("dict[str, object]", error).get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else None


def _said(body: bytes) -> str:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return cut(body.decode("utf-8", "replace"))
    return cut(_text_of(parsed))


def _text_of(error: object) -> str:
    """The sentence in an error body: `{"error": {"message"}}`, `{"message"}`, `{"detail"}`, or the whole of it."""
    while isinstance(error, dict):
        fields = cast("dict[str, object]", error)
        inner = fields.get("error") or fields.get("message") or fields.get("detail")
        if not inner:
            break
        error = inner
    return error if isinstance(error, str) else orjson.dumps(error).decode()


def _seconds(retry_after: str | None) -> float | None:
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return None
    return seconds if isfinite(seconds) and seconds >= 0 else None
