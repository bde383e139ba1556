"""The plan of following a tree: its events, each once and in order, over as many connections as it takes."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from rao_runtime.client.calls import TreeRef, path_of
from rao_runtime.client.contact import Contact, Trials
from rao_runtime.client.errors import StrangeAnswer
from rao_runtime.client.event import Event
from rao_runtime.client.sse import SseReader
from rao_runtime.client.steps import Answer, Lost, Open, Pause, Plan, Read, Request, Step

NO_CONTENT = 204
EVENTS = "text/event-stream"

# Yields events between its steps; is told nothing of interest after one.
Following: TypeAlias = Generator[Step | Event, Any, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which events to send. None and False: no such condition. The terminal event passes every filter."""

    node: str | None = None
    depth: int | None = None
    types: Iterable[str] | None = None
    deltas: bool = False

    def params(self) -> dict[str, str]:
        """As the query of a request."""
        asked = {
            "node": self.node,
            "depth": None if self.depth is None else str(self.depth),
            "types": self.types if self.types is None or isinstance(self.types, str) else ",".join(self.types),
            "deltas": "true" if self.deltas else None,
        }
        return {name: value for name, value in asked.items() if value is not None}


class Cursor:
    """The `seq` up to which a caller has seen a journal: what to come back with, and what comes a second time."""

    def __init__(self, seq: int) -> None:
        self.seq = seq

    def passes(self, event: Event) -> bool:
        """Move on to this event; False for one that was there before."""
        if event.is_gap:
            # The cursor was ahead of a journal that lost its end, or behind one that lost its beginning: no good now.
            self.seq = 0
        if event.seq is None:
            return True
        if event.seq <= self.seq:
            return False
        self.seq = event.seq
        return True


def follow(contact: Contact, tree: TreeRef, *, after: int, chosen: Filter) -> Following:
    """All events after `after`, up to the terminal one. A connection that breaks is taken up where it broke off.

    Raises Refused, StrangeAnswer, and Unreachable once the server has been gone for longer than patience lasts.
    """
    reader, cursor, trials = SseReader(), Cursor(after), Trials(contact)
    params = chosen.params()
    while True:
        told: Answer | Lost = yield Open(opening(contact, tree, params, cursor.seq))
        if isinstance(told, Answer):
            if told.status == NO_CONTENT:
                return
            if told.is_success:
                if not is_stream(told):
                    raise StrangeAnswer(told.url)
                lost = yield from _connection(reader, cursor, trials)
                if lost is None:
                    return
                told = lost
        if not (isinstance(told, Lost) and told.is_ours):
            yield Pause(trials.pause_s(told, reader.retry_s))


def opening(contact: Contact, tree: TreeRef, params: dict[str, str], after: int = 0) -> Request:
    """The request for a tree's events after that one."""
    # Compressed, events would sit in somebody's buffer until it is full.
    headers = {"Accept": EVENTS, "Accept-Encoding": "identity", "Cache-Control": "no-store"}
    if after:
        headers["Last-Event-ID"] = str(after)
    path = f"{path_of(tree)}/events"
    return Request(method="GET", path=path, params=params, headers=headers, silence_s=contact.silence_s)


def is_stream(told: Answer) -> bool:
    """Whether an answer holds events."""
    return told.is_success and told.headers.get("content-type", "").partition(";")[0].strip().lower() == EVENTS


def terminal(reader: SseReader) -> Plan[Event | None]:
    """The terminal event of an open stream; None where it breaks before."""
    while True:
        chunk: bytes | Lost = yield Read()
        if isinstance(chunk, Lost):
            return None
        for event in _events(reader, chunk):
            if event.is_end:
                return event


def _connection(reader: SseReader, cursor: Cursor, trials: Trials) -> Generator[Step | Event, Any, Lost | None]:
    """The events of one connection. How it broke; None where it ended as it should."""
    reader.reconnected()
    while True:
        chunk: bytes | Lost = yield Read()
        if isinstance(chunk, Lost):
            return chunk
        trials.succeeded()
        for event in _events(reader, chunk):
            if cursor.passes(event):
                yield event
            if event.is_end:
                return None


def _events(reader: SseReader, chunk: bytes) -> Iterable[Event]:
    return (event for frame in reader.feed(chunk) if (event := Event.read(frame.data)) is not None)
