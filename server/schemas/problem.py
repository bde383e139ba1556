"""How an error looks."""

from pydantic import BaseModel, ConfigDict, Field, JsonValue

EXAMPLE: JsonValue = {
    "type": "urn:rao:problem:invalid-request",
    "title": "The request cannot be accepted",
    "status": 422,
    "detail": "1 thing is wrong with the request",
    "instance": "/solve",
    "errors": [{"loc": ["limits", "max_depth"], "msg": "40 is over this server's ceiling of 32"}],
}


class Fault(BaseModel):
    """One thing that is wrong with a request. `loc` is a path into the body, or starts with `query` or `header`."""

    loc: list[str | int]
    msg: str


class Problem(BaseModel):
    """An error, after RFC 9457. Tell problems apart by `type`; `detail` is for people."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    type: str
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for.")
    errors: list[Fault] = Field(
        default_factory=list[Fault], description="With 422: each thing that is wrong. Input is not echoed."
    )
