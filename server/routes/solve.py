"""`POST /solve`: take a task, then answer with its tree, its events, or where to look."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from server import preferences, stream
from server.body import solve_request
from server.deps import TheGateway
from server.document import SOLVE
from server.filters import Filter
from server.gateway import Gateway
from server.middleware.post_span import posted
from server.problems import retry_after
from server.rendering import Json
from server.waiting import ended_within

RETRY_AFTER_S = 2

router = APIRouter(tags=["trees"])


@router.post("/solve", summary="Solve a task", response_class=Json, **SOLVE)
async def solve(request: Request, gateway: TheGateway) -> Response:
    """Take a task and work on it as a tree of agents.

    Waits for the tree and answers 200 with it, whatever its status; after the server's patience (50 s by default) or
    the client's (`Prefer: wait=N`, `Prefer: respond-async`) answers 202 with the tree as it stands. With `stream: true`
    or `Accept: text/event-stream` answers with the tree's events instead. Leaving never cancels the tree.
    """
    key = preferences.idempotency_key(request.headers)
    body = await solve_request(request)
    task = body.to_task(preferences.traceparent(request.headers), gateway.settings.ceilings)
    fingerprint = "" if key is None else body.fingerprint()
    submitted = await gateway.runtime.submit(task, key=key, fingerprint=fingerprint)
    found = posted(request)
    found.tree_id, found.replayed = submitted.tree_id, submitted.replayed
    headers = {"Location": f"/trees/{submitted.tree_id}"}
    if submitted.replayed:
        headers["Idempotency-Replayed"] = "true"
    if body.stream or preferences.wants_events(request.headers):
        wish = stream.Wish(tree_id=submitted.tree_id, after=0, filter=Filter())
        return stream.response(gateway, wish, headers=headers)
    return await _tree(gateway, request, submitted.tree_id, headers)


async def _tree(gateway: Gateway, request: Request, tree_id: str, headers: dict[str, str]) -> Response:
    patience = preferences.patience(request.headers)
    most_s = gateway.settings.sync_wait_s
    headers |= patience.applied(most_s)
    ended = await ended_within(gateway, request, tree_id, patience.seconds(most_s))
    tree = await gateway.runtime.tree(tree_id) if ended is None else ended
    posted(request).trace_id = tree["trace_id"]
    if ended is not None:
        return Json(ended, headers=headers)
    return Json(tree, status_code=202, headers=headers | retry_after(RETRY_AFTER_S))
