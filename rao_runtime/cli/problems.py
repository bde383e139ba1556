"""A server's refusal, in lines people can read."""

from collections.abc import Iterator, Sequence

import httpx

from rao_runtime.cli import fields
from rao_runtime.cli.errors import Refused
from rao_runtime.cli.fields import Json
from rao_runtime.cli.plain import one_line

MAX_ERRORS = 20


def refusal(response: httpx.Response) -> Refused:
    """What a response that is no success says: an RFC 9457 problem, or just its status where it is none."""
    problem = _problem(response)
    title = one_line(str(problem.get("title") or response.reason_phrase or "the server refused"))
    details = list(_details(problem, title, response))
    return Refused(f"{title} ({response.status_code})", details, http_status=response.status_code)


def _problem(response: httpx.Response) -> Json:
    try:
        return fields.mapping(response.json())
    except ValueError:
        return {}


def _details(problem: Json, title: str, response: httpx.Response) -> Iterator[str]:
    detail = one_line(str(problem.get("detail") or ""))
    if detail and detail != title:
        yield detail
    yield from _errors(fields.items(problem.get("errors")))
    if "title" not in problem:
        yield f"{response.url} did not answer as a rao server does; is it one?"
    if (after := response.headers.get("retry-after")) is not None:
        yield f"Try again in {one_line(after, 20)} s."


def _errors(errors: Sequence[object]) -> Iterator[str]:
    for each in errors[:MAX_ERRORS]:
        error = fields.mapping(each)
        where = one_line(".".join(map(str, fields.items(error.get("loc")))), 100)
        what = one_line(fields.text(error.get("msg")))
        yield f"{where}: {what}" if where else what
    if len(errors) > MAX_ERRORS:
        yield f"… and {len(errors) - MAX_ERRORS} more"
