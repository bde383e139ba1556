"""Replicas: how one is added, and how they go out. What goes out does not pass through these models."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from rao_runtime.config.base_url import PATTERN, base_url
from server.schemas.request import Strict

MAX_URL_CHARS = 2048
MAX_SLOTS = 100_000
EXPECTED = "expected a base URL such as `http://host:8000`: http or https, no user name, no query, no fragment"


def _base_url(text: str) -> str:
    try:
        return base_url(text)
    except ValueError:
        raise ValueError(EXPECTED) from None


class NewReplica(Strict):
    """A running model server that is to be used from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"url": "http://vllm-2:8000", "slots": 128}]})

    url: Annotated[str, AfterValidator(_base_url)] = Field(
        max_length=MAX_URL_CHARS,
        description="Its base URL as this server reaches it; a `/v1` at the end is dropped.",
        json_schema_extra={"pattern": PATTERN},
    )
    slots: int | None = Field(
        default=None,
        ge=1,
        le=MAX_SLOTS,
        description="Calls it gets at once; null: as many as the server's other replicas (`RAO_REPLICA_SLOTS`).",
    )


class ServedModel(BaseModel):
    """A model that it serves."""

    id: str
    window: int | None = Field(description="In tokens, null where it does not tell.")


class KvCache(BaseModel):
    """Its prefix cache, as far as it tells."""

    tokens: int | None = Field(description="How many it holds.")
    usage: float | None = Field(description="From 0 to 1.")


class Replica(BaseModel):
    """A model server, as this process sees it."""

    id: str = Field(description="Never used again in this process.", examples=["r2"])
    name: str = Field(description="Its base URL, or a label.", examples=["http://vllm-2:8000"])
    state: Literal["starting", "ready", "resting", "down", "draining"] = Field(
        description="`starting`: has not answered yet. `resting`: asked for a pause. `draining`: gets no new call."
    )
    why: str | None = Field(description="Why it gets no calls, in words; null where it may get some.")
    models: list[ServedModel]
    slots: int = Field(description="Calls it gets at once.")
    in_flight: int = Field(description="Calls that this process has there.")
    version: str | None
    kv: KvCache
    running: int | None = Field(description="Requests it works on, whoever sent them; null where it does not tell.")
    waiting: int | None = Field(description="Requests in its own queue.")
    missing: list[str] = Field(description="What an operator should change, and what is lost until then.")
    managed: bool = Field(description="Whether this server started it.")


class ReplicaListing(BaseModel):
    """All replicas of this process."""

    data: list[Replica]
