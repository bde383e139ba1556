"""Plays a plan of the client against a network that a test makes up: no socket, no waiting, no real time."""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Generic, TypeVar

import orjson

from rao_runtime.client import Event
from rao_runtime.client.contact import Contact, Outside
from rao_runtime.client.steps import Answer, Ask, Lost, Open, Pause, Request, Step, Told

T = TypeVar("T")
URL = "http://here:8000"
TREE = "01k0000000000000000000tree"
REFUSED = Lost("Connection refused")
STREAM = Answer(status=200, url=URL, headers={"content-type": "text/event-stream; charset=utf-8"})


@dataclass(slots=True)
class Clock:
    """Goes on only when a plan pauses."""

    now: float = 1000.0


def contact(clock: Clock | None = None, *, patience_s: float = 60.0, first_patience_s: float = 60.0) -> Contact:
    """A client's state, of such patience; its keys are k1, k2, …"""
    clock, keys = clock or Clock(), count(1)
    outside = Outside(now=lambda: clock.now, chance=lambda: 0.0, key=lambda: f"k{next(keys)}")
    return Contact(
        url=URL,
        timeout_s=60.0,
        silence_s=45.0,
        patience_s=patience_s,
        first_patience_s=first_patience_s,
        outside=outside,
    )


@dataclass(slots=True)
class Played(Generic[T]):
    """How a plan went: its steps and events, up to its end or its error, and what it returned."""

    steps: list[Step] = field(default_factory=list[Step])
    events: list[Event] = field(default_factory=list[Event])
    result: T | None = None

    @property
    def requests(self) -> list[Request]:
        return [step.request for step in self.steps if isinstance(step, Ask | Open)]

    @property
    def pauses(self) -> list[float]:
        return [step.seconds for step in self.steps if isinstance(step, Pause)]


def play(
    plan: Generator[Step | Event, Any, T],
    network: Callable[[Step], Told],
    clock: Clock,
    played: Played[T] | None = None,
) -> Played[T]:
    """Run a plan to its end. Raises what it raises; who wants to see the way there hands in the record."""
    record = played or Played[T]()
    told: Told = None
    while True:
        try:
            step = plan.send(told)
        except StopIteration as end:
            record.result = end.value
            return record
        if isinstance(step, Event):
            record.events.append(step)
            told = None
            continue
        record.steps.append(step)
        if isinstance(step, Pause):
            clock.now += step.seconds
            told = None
        else:
            told = network(step)


def in_order(*answers: Told) -> Callable[[Step], Told]:
    """A network that gives one answer after the other."""
    rest: Iterator[Told] = iter(answers)
    return lambda _: next(rest)


def always(answer: Told) -> Callable[[Step], Told]:
    """A network that gives the same answer each time."""
    return lambda _: answer


def json_answer(body: object, status: int = 200, **headers: str) -> Answer:
    """An answer with a body of JSON; names of headers with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, url=URL, headers=named, body=orjson.dumps(body))


def problem(status: int, title: str = "No", **headers: str) -> Answer:
    """A refusal."""
    return json_answer({"type": "urn:rao:problem:no", "title": title, "status": status}, status, **headers)


def tree(status: str = "completed", **more: object) -> dict[str, Any]:
    """A tree of the API."""
    return {"tree_id": TREE, "status": status, "answer": 42 if status == "completed" else None, **more}


def event(seq: int | None, kind: str = "node.created", data: Mapping[str, Any] | None = None) -> bytes:
    """The frame of an event."""
    body = orjson.dumps({"v": 1, "seq": seq, "type": kind, "tree_id": TREE, "node_id": "n", "data": data or {}})
    number = b"" if seq is None else b"id: %d\n" % seq
    return b"%sevent: %s\ndata: %s\n\n" % (number, kind.encode(), body)


def end(seq: int, status: str = "completed") -> bytes:
    """The frame of a terminal event."""
    return event(seq, f"tree.{status}", tree(status))
