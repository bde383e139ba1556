"""From the bytes of a request to what it asks for: media type, size, JSON, fields; each with its own refusal."""

from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from rao_runtime.core.errors import Fault
from server.problems import INVALID, MALFORMED, UNSUPPORTED_TYPE, refusal
from server.schemas.replica import NewReplica
from server.schemas.request import SolveRequest

M = TypeVar("M", bound=BaseModel)

MAX_FAULTS = 50
MAX_NAME_CHARS = 100


async def solve_request(request: Request) -> SolveRequest:
    """The validated body of a task. Raises Refused."""
    return parse(await _json_body(request))


async def new_replica(request: Request) -> NewReplica:
    """The validated body of a replica. Raises Refused."""
    return _read(NewReplica, await _json_body(request), "a replica")


def is_json(content_type: str) -> bool:
    """Whether a media type says JSON; only UTF-8 is JSON's charset."""
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [p.partition("=")[2].strip('"') for p in parameters if p.startswith("charset=")]
    plain = media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))
    return plain and all(charset in {"utf-8", "utf8"} for charset in charsets)


def parse(body: bytes) -> SolveRequest:
    """The fields of a task. Raises Refused: 400 for what is no JSON, 422 for what is not a task."""
    return _read(SolveRequest, body, "a task")


async def _json_body(request: Request) -> bytes:
    if not is_json(request.headers.get("content-type", "")):
        raise refusal(UNSUPPORTED_TYPE, "send the body as application/json")
    return await request.body()


def _read(model: type[M], body: bytes, noun: str) -> M:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        # Listing every error of a body made of a million of them would take seconds and a gigabyte.
        if error.error_count() > MAX_FAULTS:
            crowd = Fault((), f"{error.error_count()} things are wrong; the body is not {noun} at all")
            raise refusal(INVALID, f"the body is not {noun}", [crowd]) from None
        details = error.errors(include_url=False, include_context=False, include_input=False)
        if details[0]["type"] == "json_invalid":
            raise refusal(MALFORMED, details[0]["msg"]) from None
        faults = [Fault(short(each["loc"]), plain(each["msg"])) for each in details]
        raise refusal(INVALID, f"{len(faults)} of the body's fields cannot be accepted", faults) from None


def short(loc: Sequence[str | int]) -> tuple[str | int, ...]:
    """The place, with names a client made up cut to a readable length."""
    return tuple(part[:MAX_NAME_CHARS] if isinstance(part, str) else part for part in loc)


def plain(msg: str) -> str:
    """The message without pydantic's label for errors of our own."""
    return msg.removeprefix("Value error, ")
