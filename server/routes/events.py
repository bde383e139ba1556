"""`GET /trees/{id}/events`: a tree's journal as server-sent events."""

import re
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from rao_runtime.core.errors import Fault
from rao_runtime.core.events import EventType
from server import stream
from server.deps import ID, TheGateway, TreeId
from server.document import EVENTS
from server.filters import Filter
from server.problems import BAD_CURSOR, INVALID, refusal

CURSOR = re.compile(r"[0-9]{1,19}")
LARGEST = 2**63 - 1

router = APIRouter(tags=["events"])


@router.get("/trees/{tree_id}/events", summary="Follow a tree", response_class=Response, **EVENTS)
async def follow(
    *,
    gateway: TheGateway,
    tree_id: TreeId,
    last_event_id: Annotated[
        str | None, Header(description="The last event seen, as EventSource sends it. Wins over `starting_after`.")
    ] = None,
    starting_after: Annotated[str | None, Query(description="The `seq` of the last event seen.")] = None,
    node: Annotated[str | None, Query(description="Only this node and its descendants.")] = None,
    depth: Annotated[int | None, Query(ge=0, description="Only nodes of this depth or less.")] = None,
    types: Annotated[str | None, Query(description="Only these types, separated by commas.")] = None,
    deltas: Annotated[bool, Query(description="Also what models are writing right now, as `node.delta`.")] = False,
) -> Response:
    """Replay a tree's events, all of them or those after a cursor, then follow it live until its terminal event.

    Filters leave holes in `seq`; the terminal event passes every filter.
    """
    after = cursor(last_event_id or starting_after)
    wanted = Filter(node=node, depth=depth, types=None if types is None else event_types(types))
    if node is not None:
        await gateway.runtime.node(tree_id, node if ID.fullmatch(node) else "")
    return await stream.resumed(gateway, stream.Wish(tree_id=tree_id, after=after, filter=wanted, deltas=deltas))


def cursor(text: str | None) -> int:
    """The `seq` a client has seen last; 0 where it names none. Raises Refused."""
    if text is None:
        return 0
    if not CURSOR.fullmatch(text) or int(text) > LARGEST:
        raise refusal(BAD_CURSOR, "a cursor is the `seq` of an event: a whole number, 0 or more")
    return int(text)


def event_types(text: str) -> frozenset[EventType]:
    """The types of a comma-separated list. Raises Refused."""
    known = {kind.value: kind for kind in EventType}
    names = [name.strip() for name in text.split(",")]
    if not all(name in known for name in names):
        raise refusal(
            INVALID,
            "`types` names a type that there is not",
            [Fault(("query", "types"), f"it takes {', '.join(known)}, separated by commas")],
        )
    return frozenset(known[name] for name in names)
