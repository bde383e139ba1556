"""The OpenAPI document: what the routes cannot say by themselves, and the whole."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from itertools import groupby
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from server import problems
from server.problems import Kind
from server.schemas.analysis import Analysis
from server.schemas.event import Event
from server.schemas.operation import Alive, Listing, Readiness
from server.schemas.problem import Problem
from server.schemas.replica import NewReplica, Replica, ReplicaListing
from server.schemas.request import SolveRequest
from server.schemas.tree import NodeDetail, Tree, TreePage
from server.schemas.usage import UsagePage, UsageReport

INCOMING = (SolveRequest, NewReplica)
OUTGOING = (
    Tree,
    TreePage,
    NodeDetail,
    Analysis,
    Event,
    Listing,
    Alive,
    Readiness,
    Replica,
    ReplicaListing,
    Problem,
    UsageReport,
    UsagePage,
)
# Routes with these do not ask the store of trees.
WITHOUT_STORE = (problems.NOT_READY, problems.UNKNOWN_REPLICA, problems.REPLICA_KNOWN)
REF = "#/components/schemas/{model}"
FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")

DESCRIPTION = """\
A task goes in at `POST /solve`. An agent works on it; when the task is too long or too hard, it launches
copies of itself on the parts. The tree of agents can be read, followed as server-sent events, cancelled and deleted.

Errors are `application/problem+json` (RFC 9457): tell them apart by `type`. Every answer carries `X-Request-Id`.
"""

TAGS = [
    {"name": "trees", "description": "Tasks and their execution."},
    {"name": "events", "description": "A tree's journal, replayed and live."},
    {"name": "usage", "description": "What was used and what it cost; it outlives the trees. For whoever runs it."},
    {"name": "catalog", "description": "What a task may name."},
    {"name": "replicas", "description": "The model servers of this process; for whoever runs it."},
    {"name": "operation", "description": "For whoever runs the server."},
]

HEADERS: Mapping[str, str] = {
    "Location": "The path of the tree, or of the replica.",
    "Retry-After": "Seconds until it is worth asking again.",
    "Link": 'Where the next page is, with `rel="next"`; absent where there is none now.',
    "Preference-Applied": "What of `Prefer` was honoured.",
    "Idempotency-Replayed": "`true` when the key had been used before: the tree is the earlier one.",
}


def answers(models: Mapping[int, type[BaseModel]], *kinds: Kind) -> dict[str, Any]:
    """Keyword arguments of a route: the answers it gives, by status, and the problems it may have."""
    good = {status: {"description": model.__doc__, "content": _json(model)} for status, model in models.items()}
    return {"responses": good | _problems(*kinds)}


def _problems(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    # Whatever asks for a tree, or for anything of a tree's, asks the store.
    store = [problems.NO_STORE] if kinds and not any(kind in WITHOUT_STORE for kind in kinds) else []
    ordered = sorted([*kinds, *store, problems.INTERNAL], key=_status)
    return {status: _problem(tuple(same)) for status, same in groupby(ordered, _status)}


def _status(kind: Kind) -> int:
    return kind.status


def _problem(kinds: tuple[Kind, ...]) -> dict[str, Any]:
    documented: dict[str, Any] = {
        "description": "\n\n".join(f"`{kind.urn}`: {kind.title}." for kind in kinds),
        "content": {problems.MEDIA_TYPE: {"schema": _ref(Problem)}},
    }
    return documented | (_headers("Retry-After") if kinds[0].status == 503 else {})


def _headers(*names: str) -> dict[str, Any]:
    return {"headers": {name: {"description": HEADERS[name], "schema": {"type": "string"}} for name in names}}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REF.format(model=model.__name__)}


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(model)}}


def _header(name: str, description: str, **schema: object) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string", **schema}}


STREAM: dict[str, Any] = {
    "text/event-stream": {
        # OpenAPI 3.2's way to describe a stream; readers of 3.1 pass over it.
        "itemSchema": {
            "type": "object",
            "required": ["event", "data"],
            "properties": {
                "id": {"type": "string", "description": "The event's `seq`."},
                "event": {"type": "string", "description": "The event's `type`."},
                "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": _ref(Event)},
            },
        },
        "example": 'retry: 2000\n\nid: 1\nevent: tree.created\ndata: {"v":1,"seq":1,"type":"tree.created"}\n\n',
    }
}


def _links(tree_id: str, *operations: str) -> dict[str, Any]:
    return {"links": {name: {"operationId": name, "parameters": {"tree_id": tree_id}} for name in operations}}


ON_TREE = _links("$response.body#/tree_id", "read_tree", "follow", "cancel_tree", "delete_tree")

SOLVE: dict[str, Any] = {
    "responses": {
        200: {
            "description": "The tree has ended, well or not: `status` says so. Or, where asked for, its events.",
            "content": _json(Tree) | STREAM,
        }
        | _headers("Location", "Preference-Applied", "Idempotency-Replayed")
        | ON_TREE,
        202: {"description": "The tree is still running: this is how it stands.", "content": _json(Tree)}
        | _headers("Location", "Retry-After", "Preference-Applied", "Idempotency-Replayed")
        | ON_TREE,
    }
    | _problems(
        problems.MALFORMED,
        problems.TOO_LARGE,
        problems.UNSUPPORTED_TYPE,
        problems.INVALID,
        problems.KEY_REUSED,
        problems.OVERLOADED,
    ),
    "openapi_extra": {
        "requestBody": {"required": True, "content": _json(SolveRequest)},
        "parameters": [
            _header("Idempotency-Key", "Kept 24 h: the same key and body, the same tree.", pattern="^[!-~]{1,255}$"),
            _header("Prefer", "`respond-async`, `wait=N` (RFC 7240).", examples=["respond-async", "wait=10"]),
            _header("traceparent", "W3C trace context; the tree's spans join that trace."),
        ],
    },
}

EVENTS: dict[str, Any] = {
    "responses": {
        200: {"description": "The events.", "content": STREAM},
        204: {"description": "The cursor is the terminal event: nothing will ever follow."},
    }
    | _problems(problems.BAD_CURSOR, problems.UNKNOWN_TREE, problems.UNKNOWN_NODE, problems.INVALID)
}

ADD_REPLICA: dict[str, Any] = {
    "responses": {
        201: {"description": "It is one of the pool, and gets calls once it answers.", "content": _json(Replica)}
        | _headers("Location")
    }
    | _problems(
        problems.MALFORMED,
        problems.REPLICA_KNOWN,
        problems.TOO_LARGE,
        problems.UNSUPPORTED_TYPE,
        problems.INVALID,
        problems.OVERLOADED,
    ),
    "openapi_extra": {"requestBody": {"required": True, "content": _json(NewReplica)}},
}

CSV: dict[str, Any] = {"text/csv": {"schema": {"type": "string", "description": "A header row, then a row a record."}}}

USAGE_RECORDS: dict[str, Any] = {
    "responses": {
        200: {
            "description": UsagePage.__doc__,
            "content": _json(UsagePage) | {"text/csv": {"schema": {"type": "string"}}},
        }
        | _headers("Link")
    }
    | _problems(problems.INVALID)
}

METRICS: dict[str, Any] = {
    "responses": {200: {"description": "Prometheus text.", "content": {"text/plain": {"schema": {"type": "string"}}}}}
    | _problems()
}


def build(app: FastAPI) -> dict[str, Any]:
    """The document of an app."""
    document = get_openapi(
        title="rao",
        version=version("rao-serve"),
        openapi_version="3.1.0",
        summary="Inference-time recursive-agent serving",
        description=DESCRIPTION,
        routes=app.routes,
        tags=TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    _, ours = models_json_schema([(model, _direction(model)) for model in (*INCOMING, *OUTGOING)], ref_template=REF)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in FRAMEWORKS_OWN:
        schemas.pop(name, None)
    document["components"]["schemas"] = dict(sorted((schemas | ours["$defs"]).items()))
    for operation in _operations(document):
        operation["responses"] = dict(sorted(_documented(operation["responses"])))
    return document


def _documented(responses: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """All but the 422 that FastAPI adds to whatever has a parameter: ours are problems, and we name our own."""
    own = [{"$ref": REF.format(model=name)} for name in FRAMEWORKS_OWN]
    for status, answer in responses.items():
        if answer.get("content", {}).get("application/json", {}).get("schema") not in own:
            yield status, answer


def _direction(model: type[BaseModel]) -> JsonSchemaMode:
    return "validation" if model in INCOMING else "serialization"


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()
