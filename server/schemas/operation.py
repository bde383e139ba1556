"""What the server says about itself."""

from typing import Any

from pydantic import BaseModel, Field

from server.schemas.replica import Replica


class Listing(BaseModel):
    """All there are."""

    data: list[dict[str, Any]]


class Alive(BaseModel):
    """The process answers."""

    status: str = Field(examples=["ok"])


class Readiness(BaseModel):
    """What the server can do now."""

    ready: bool
    journal: dict[str, Any]
    replicas: list[Replica] = Field(description="A detail: with no replica up, trees queue.")
