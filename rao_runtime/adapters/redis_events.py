"""Events, deltas and commands as Redis holds them: JSON without what the key and id say already.

The field's name tells how it was written. `e`: by orjson; `z`: the same, compressed: most of an event's JSON are names
that all events have, and a quarter of it remains. `j`: by the standard library, for what orjson refuses or would not
give back as it was (integers over 64 bits, lone surrogates).
"""

import json
from collections.abc import Sequence
from typing import Any

import orjson
import zstandard

from rao_runtime.adapters.redis_event_dictionary import EVENTS
from rao_runtime.adapters.redis_wire import Reply
from rao_runtime.core.events import SCHEMA_VERSION, Event, EventType, NodeDelta
from rao_runtime.ports import Command

Fields = tuple[str, bytes]

_DICTIONARY = zstandard.ZstdCompressionDict(EVENTS, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
_COMPRESSOR = zstandard.ZstdCompressor(level=3, dict_data=_DICTIONARY, write_dict_id=False)
_DECOMPRESSOR = zstandard.ZstdDecompressor(dict_data=_DICTIONARY)

_OPTIONAL = ("node_id", "parent_id", "depth", "fork_step", "turn")


def encode(event: Event) -> Fields:
    """An event's field and value; its tree and number are in the key and the entry's id."""
    body: dict[str, Any] = {"type": event.type, "ts": event.ts}
    for name in _OPTIONAL:
        value = getattr(event, name)
        if value is not None:
            body[name] = value
    if event.v != SCHEMA_VERSION:
        body["v"] = event.v
    if event.data:
        body["data"] = dict(event.data)
    name, value = _dump(body)
    return ("z", _COMPRESSOR.compress(value)) if name == "e" else (name, value)


def decode(tree_id: str, entry: Reply) -> Event:
    """The event of a stream's entry."""
    entry_id, (name, value) = entry
    body = _load(name, value)
    return Event(
        seq=int(entry_id.partition(b"-")[0]),
        type=EventType(body.pop("type")),
        tree_id=tree_id,
        data=body.pop("data", None) or {},
        **body,
    )


def encode_delta(delta: NodeDelta) -> Fields:
    """A delta's field and value, without its tree."""
    return _dump({name: getattr(delta, name) for name in NodeDelta.__slots__ if name != "tree_id"})


def decode_delta(tree_id: str, name: bytes, value: bytes) -> NodeDelta:
    """The delta of a stream's entry."""
    return NodeDelta(tree_id=tree_id, **_load(name, value))


def encode_command(command: Command) -> Sequence[str]:
    """A command's fields."""
    return ("kind", command.kind) if command.node_id is None else ("kind", command.kind, "node", command.node_id)


def decode_command(fields: Sequence[bytes]) -> Command:
    """The command of a stream's entry."""
    named = dict(zip(fields[::2], fields[1::2], strict=True))
    node_id = named.get(b"node")
    return Command(named[b"kind"].decode(), None if node_id is None else node_id.decode())


def _dump(body: dict[str, Any]) -> Fields:
    try:
        return "e", orjson.dumps(body)
    except TypeError:
        return "j", json.dumps(body, separators=(",", ":")).encode()


def _load(name: bytes, value: bytes) -> dict[str, Any]:
    match name:
        case b"z":
            return orjson.loads(_DECOMPRESSOR.decompress(value))
        case b"e":
            return orjson.loads(value)
        case _:
            return json.loads(value)
