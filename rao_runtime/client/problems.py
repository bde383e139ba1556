"""From an answer that is no success to the error it stands for."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from rao_runtime.client import fields
from rao_runtime.client.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from rao_runtime.client.problem import Fault, Problem
from rao_runtime.client.steps import Answer

# Said of now, not of the request: it may be accepted a moment later.
UNAVAILABLE = frozenset({429, 502, 503, 504})
ERRORS: Mapping[int, type[Refused]] = {404: NotFound, 409: Conflict, 422: Invalid} | dict.fromkeys(
    UNAVAILABLE, Unavailable
)
MOST_DIGITS = 9


def refusal(answer: Answer) -> Refused:
    """The error for an answer that is no success."""
    return ERRORS.get(answer.status, Refused)(_problem(answer))


def retry_after_s(answer: Answer) -> float | None:
    """When to ask again. The header's other form, a date, is passed over: it would need the server's clock."""
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def _problem(answer: Answer) -> Problem:
    raw = fields.mapping(fields.from_json(answer.body))
    title = fields.text(raw.get("title"))
    return Problem(
        status=answer.status,
        url=answer.url,
        title=title or _phrase(answer.status),
        type=fields.text(raw.get("type")),
        detail=fields.text(raw.get("detail")),
        faults=tuple(_fault(fields.mapping(each)) for each in fields.items(raw.get("errors"))),
        request_id=answer.headers.get("x-request-id"),
        retry_after_s=retry_after_s(answer),
        is_ours=bool(title),
        raw=raw,
    )


def _fault(raw: Mapping[str, Any]) -> Fault:
    loc = tuple(part if isinstance(part, int) else str(part) for part in fields.items(raw.get("loc")))
    return Fault(loc=loc, msg=fields.text(raw.get("msg")))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "The server refused"
