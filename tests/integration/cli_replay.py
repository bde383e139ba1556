"""A server that plays one answer after the other, a connection each, and notes what it was asked."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson

from tests.integration.raw_server import UNTIL_CLOSED, Asked, answer, read_request

TS = "2026-11-21T10:00:00.500Z"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"


@dataclass(slots=True)
class Replay:
    """Where it is, and the requests so far."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list[Asked])

    @property
    def cursors(self) -> list[str | None]:
        """The `Last-Event-ID` of each request."""
        return [each.headers.get("last-event-id") for each in self.asked]


@asynccontextmanager
async def replay(answers: Sequence[bytes]) -> AsyncGenerator[Replay]:
    """Answers the first request with the first of these, and so on; the last one for all that come after."""
    server = Replay()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await read_request(reader)
        if asked is not None:
            server.asked.append(asked)
            writer.write(answers[min(len(server.asked), len(answers)) - 1])
            await writer.drain()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        yield server


def events(*numbers: int, last: str | None = None, cut: bool = False) -> bytes:
    """A stream of events with these `seq`, then a terminal one of that type if any; `cut` ends it amid an event."""
    frames = [_frame(number, "node.created") for number in numbers]
    if last is not None:
        frames.append(_frame(max(numbers, default=0) + 1, last))
    body = b"retry: 1\n\n" + b"".join(frames)
    return UNTIL_CLOSED + (body + b"id: 99\nevent: node.created\nda" if cut else body)


def problem(status: str, title: str) -> bytes:
    """A refusal."""
    headers = ("content-type: application/problem+json", "connection: close")
    return answer(status, orjson.dumps({"title": title, "status": int(status[:3])}), *headers)


def _frame(seq: int, kind: str) -> bytes:
    data = {"seq": seq, "type": kind, "tree_id": "t", "node_id": "n", "ts": TS, "data": {"status": "completed"}}
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (seq, kind.encode(), orjson.dumps(data))
