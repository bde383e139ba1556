"""What a route can ask for, as `Annotated` aliases."""

import re
from typing import Annotated

from fastapi import Depends, Path, Query, Request

from rao_runtime.core.errors import UnknownNode, UnknownReplica, UnknownTree
from server.gateway import Gateway

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


# Async, since FastAPI sends plain functions to a thread.
async def _gateway(request: Request) -> Gateway:
    return request.app.state.gateway


async def _tree_id(tree_id: Annotated[str, Path(description="As `POST /solve` gave it.")]) -> str:
    # Ids become parts of keys and paths further down: what cannot be one never gets there.
    if not ID.fullmatch(tree_id):
        raise UnknownTree(tree_id[:64])
    return tree_id


async def _baseline_id(
    baseline: Annotated[
        str | None, Query(description="A tree of the same task to compare with, one of mode `flat` for instance.")
    ] = None,
) -> str | None:
    if baseline is not None and not ID.fullmatch(baseline):
        raise UnknownTree(baseline[:64])
    return baseline


async def _node_id(tree_id: "TreeId", node_id: Annotated[str, Path(description="As events and trees name it.")]) -> str:
    if not ID.fullmatch(node_id):
        raise UnknownNode(tree_id, node_id[:64])
    return node_id


async def _replica_id(replica_id: Annotated[str, Path(description="As `GET /replicas` names it.")]) -> str:
    if not ID.fullmatch(replica_id):
        raise UnknownReplica(replica_id[:64])
    return replica_id


TheGateway = Annotated[Gateway, Depends(_gateway)]
TreeId = Annotated[str, Depends(_tree_id)]
BaselineId = Annotated[str | None, Depends(_baseline_id)]
NodeId = Annotated[str, Depends(_node_id)]
ReplicaId = Annotated[str, Depends(_replica_id)]
