"""Follows a tree on behalf of one client."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, replace

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from rao_runtime.core.errors import JournalUnavailable, UnknownTree
from rao_runtime.core.events import Event, NodeDelta
from server import frames
from server.filters import Filter
from server.gateway import Gateway

CHUNK_BYTES = 64 << 10
GRACE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a client wants to see of a tree: events after `after` that pass `filter`, and deltas or not."""

    tree_id: str
    after: int
    filter: Filter
    deltas: bool = False


async def resumed(gateway: Gateway, wish: Wish) -> Response:
    """The answer to a client that comes (back) with a cursor. Raises UnknownTree."""
    last, ended = await gateway.runtime.last_seq(wish.tree_id)
    if ended and wish.after == last:
        return Response(status_code=204)
    if wish.after <= last:
        return response(gateway, wish)
    tree = await gateway.runtime.tree(wish.tree_id)
    gap = frames.gap(wish.tree_id, tree, gateway.clock.now())
    # A stream always ends with the terminal event, also for a client that claims to be past it.
    start = last - 1 if ended else last
    return response(gateway, replace(wish, after=start), gap)


def response(gateway: Gateway, wish: Wish, first: bytes = b"", headers: dict[str, str] | None = None) -> Response:
    """The stream; `first` goes before its events."""
    return EventSourceResponse(
        _frames(gateway, wish, first),
        headers=headers,
        ping=gateway.times.ping_s,
        ping_message_factory=lambda: ServerSentEvent(comment="ping", sep="\n"),
        sep="\n",
        send_timeout=gateway.times.send_s,
        # Our own goodbye is faster; this is for a stream that cannot be told.
        shutdown_grace_period=GRACE_S,
    )


async def _frames(gateway: Gateway, wish: Wish, first: bytes) -> AsyncGenerator[bytes, None]:
    yield frames.RETRY + first
    after = 0 if wish.filter.learns else wish.after
    try:
        async with gateway.runtime.events(wish.tree_id, after=after, deltas=wish.deltas) as batches:
            while (batch := await gateway.drain.unless_started(anext(batches, None))) is not None:
                for chunk in _chunks(batch, wish):
                    yield chunk
                    # A long replay is hardly ever paused by the socket: give others their turn.
                    await asyncio.sleep(0)
                if any(isinstance(item, Event) and item.is_end for item in batch):
                    return
    except (UnknownTree, JournalUnavailable):
        # Deleted while it was followed: there is nothing more to say. With the store away a client comes back later.
        return
    if gateway.drain.started:
        yield frames.GOODBYE


def _chunks(batch: Sequence[Event | NodeDelta], wish: Wish) -> Iterator[bytes]:
    """The batch's frames, joined into pieces that a socket takes well."""
    pieces, size = list[bytes](), 0
    for item in batch:
        # Asked first and always, since a filter may learn from events that are not sent.
        passes = wish.filter.passes(item)
        if not passes or (isinstance(item, Event) and item.seq <= wish.after):
            continue
        piece = frames.frame(item)
        pieces.append(piece)
        size += len(piece)
        if size >= CHUNK_BYTES:
            yield b"".join(pieces)
            pieces, size = [], 0
    if pieces:
        yield b"".join(pieces)
