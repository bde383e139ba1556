"""The pool of this process: look at its replicas, add one, drain one."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from rao_runtime.core.errors import Overloaded
from server.body import new_replica
from server.deps import ReplicaId, TheGateway
from server.document import ADD_REPLICA, answers
from server.problems import UNKNOWN_REPLICA
from server.rendering import Json
from server.schemas.replica import Replica, ReplicaListing

RETRY_AFTER_S = 5.0

router = APIRouter(tags=["replicas"], default_response_class=Json)


@router.get("/replicas", summary="List replicas", **answers({200: ReplicaListing}))
async def list_replicas(gateway: TheGateway) -> Response:
    """The model servers of this process, each with its state, its load and what it lacks.

    Servers and workers that share a store have a pool each: ask each of them.
    """
    return Json({"data": gateway.runtime.replicas()})


@router.get("/replicas/{replica_id}", summary="Read a replica", **answers({200: Replica}, UNKNOWN_REPLICA))
async def read_replica(gateway: TheGateway, replica_id: ReplicaId) -> Response:
    """One replica as it stands. One that was drained is gone, and so a 404, once its last call has ended."""
    return Json(gateway.runtime.replica(replica_id))


@router.post("/replicas", summary="Add a replica", status_code=201, response_class=Json, **ADD_REPLICA)
async def add_replica(request: Request, gateway: TheGateway) -> Response:
    """Use another running model server from now on, as soon as it answers.

    Holds for this process only and until it ends: settings are what lasts. Models are told apart by name, so a
    replica joins those that serve the same one. Prompts and the replicas' API key go to the address given here: let
    operators alone reach this. The problem of a replica that is there already has its id, as `replica_id`.
    """
    new = await new_replica(request)
    if gateway.drain.started:
        raise Overloaded("this server is shutting down", retry_after_s=RETRY_AFTER_S)
    added = await gateway.runtime.add_replica(new.url, slots=new.slots)
    return Json(added, status_code=201, headers={"Location": f"/replicas/{added['id']}"})


@router.delete(
    "/replicas/{replica_id}", summary="Drain a replica", status_code=202, **answers({202: Replica}, UNKNOWN_REPLICA)
)
async def drain_replica(gateway: TheGateway, replica_id: ReplicaId) -> Response:
    """Give it no new call, in this process. It is gone once its last call has ended, and none is cut off.

    Can be repeated while it drains. The model server itself goes on; to have it back, add it.
    """
    return Json(gateway.runtime.drain_replica(replica_id), status_code=202)
