"""Trees and nodes: read, list, cancel, delete."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from rao_runtime.core.transitions import Status
from server.deps import BaselineId, NodeId, TheGateway, TreeId
from server.document import answers
from server.problems import INVALID, TREE_RUNNING, UNKNOWN_NODE, UNKNOWN_TREE
from server.rendering import Json
from server.schemas.analysis import Analysis
from server.schemas.tree import NodeDetail, Tree, TreePage

router = APIRouter(tags=["trees"], default_response_class=Json)


@router.get("/trees", summary="List trees", **answers({200: TreePage}, INVALID))
async def list_trees(
    gateway: TheGateway,
    limit: Annotated[int, Query(ge=1, le=200, description="How many at most.")] = 50,
    after: Annotated[str | None, Query(max_length=512, description="The last page's `next_cursor`.")] = None,
    status: Annotated[Status | None, Query(description="Only trees of this status.")] = None,
) -> Response:
    """The caller's trees, newest first."""
    page = await gateway.runtime.trees(limit=limit, after=after, status=None if status is None else status.value)
    return Json(page)


@router.get("/trees/{tree_id}", summary="Read a tree", **answers({200: Tree}, UNKNOWN_TREE, INVALID))
async def read_tree(
    *,
    gateway: TheGateway,
    tree_id: TreeId,
    nodes: Annotated[bool, Query(description="Add `tree`: all nodes, nested.")] = False,
) -> Response:
    """A tree as it stands."""
    return Json(await gateway.runtime.tree(tree_id, nodes=nodes))


@router.get("/trees/{tree_id}/analysis", summary="Analyse a tree", **answers({200: Analysis}, UNKNOWN_TREE))
async def analyse_tree(gateway: TheGateway, tree_id: TreeId, baseline: BaselineId) -> Response:
    """How parallel it was, what it took beside a flat run, and signs of a split that went wrong."""
    return Json(await gateway.runtime.analysis(tree_id, baseline=baseline))


@router.delete("/trees/{tree_id}", summary="Delete a tree", status_code=204, **answers({}, UNKNOWN_TREE, TREE_RUNNING))
async def delete_tree(gateway: TheGateway, tree_id: TreeId) -> Response:
    """Erase an ended tree: its journal, its texts and its idempotency key."""
    await gateway.runtime.delete(tree_id)
    return Response(status_code=204)


@router.post(
    "/trees/{tree_id}/cancel",
    summary="Cancel a tree",
    status_code=202,
    **answers({202: Tree}, UNKNOWN_TREE),
)
async def cancel_tree(gateway: TheGateway, tree_id: TreeId) -> Response:
    """Stop all work on a tree. It ends as `canceled` soon; nothing happens to one that has ended."""
    await gateway.runtime.cancel(tree_id)
    return Json(await gateway.runtime.tree(tree_id), status_code=202)


@router.get(
    "/trees/{tree_id}/nodes/{node_id}", summary="Read a node", **answers({200: NodeDetail}, UNKNOWN_TREE, UNKNOWN_NODE)
)
async def read_node(gateway: TheGateway, tree_id: TreeId, node_id: NodeId) -> Response:
    """A node with its turns."""
    return Json(await gateway.runtime.node(tree_id, node_id))


@router.post(
    "/trees/{tree_id}/nodes/{node_id}/cancel",
    summary="Cancel a subtree",
    status_code=202,
    **answers({202: Tree}, UNKNOWN_TREE, UNKNOWN_NODE),
)
async def cancel_node(gateway: TheGateway, tree_id: TreeId, node_id: NodeId) -> Response:
    """Stop a node and its descendants. Its parent sees a `Failed` and goes on."""
    await gateway.runtime.cancel(tree_id, node_id)
    return Json(await gateway.runtime.tree(tree_id), status_code=202)
