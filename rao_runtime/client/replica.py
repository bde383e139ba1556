"""Replicas as a client sees them. `raw` is what the server sent, with the fields that have no name here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from rao_runtime.client import fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A model server in the pool of the server that was asked; None is what it does not tell.

    `state` is `starting`, `ready`, `resting`, `down` or `draining`; `why` says why it gets no calls. `models` are the
    names that tasks use. `in_flight` are calls of this pool, `running` and `waiting` requests of whoever sent them.
    `kv_tokens` is the size of its prefix cache, `kv_usage` from 0 to 1. `missing` says what an operator should change.
    """

    id: str
    name: str
    state: str
    why: str | None
    models: tuple[str, ...]
    slots: int
    in_flight: int
    version: str | None
    kv_tokens: int | None
    kv_usage: float | None
    running: int | None
    waiting: int | None
    missing: tuple[str, ...]
    is_managed: bool
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self | None:
        """From a replica of the API; None for what is none."""
        replica_id, state = raw.get("id"), raw.get("state")
        if not isinstance(replica_id, str) or not isinstance(state, str):
            return None
        models = (fields.text(fields.mapping(each).get("id")) for each in fields.items(raw.get("models")))
        missing = map(fields.text, fields.items(raw.get("missing")))
        kv = fields.mapping(raw.get("kv"))
        return cls(
            id=replica_id,
            name=fields.text(raw.get("name")),
            state=state,
            why=fields.text_or_none(raw.get("why")),
            models=tuple(filter(None, models)),
            slots=fields.number(raw.get("slots")),
            in_flight=fields.number(raw.get("in_flight")),
            version=fields.text_or_none(raw.get("version")),
            kv_tokens=fields.integer(kv.get("tokens")),
            kv_usage=fields.real(kv.get("usage")),
            running=fields.integer(raw.get("running")),
            waiting=fields.integer(raw.get("waiting")),
            missing=tuple(filter(None, missing)),
            is_managed=raw.get("managed") is True,
            raw=raw,
        )
