"""Following a tree: every event once and in order, whatever the network does."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.client import NotFound, Refused, StrangeAnswer, Unreachable
from rao_runtime.client.contact import Contact
from rao_runtime.client.following import Filter, Following, follow
from rao_runtime.client.http import INTERRUPTED
from rao_runtime.client.steps import Answer, Lost, Open, Read, Step, Told
from tests.unit.client_play import (
    REFUSED,
    STREAM,
    TREE,
    URL,
    Clock,
    Played,
    always,
    contact,
    end,
    event,
    in_order,
    play,
    problem,
    tree,
)

CUT = Lost("RemoteProtocolError")
SECONDS = b"retry: 2000\n\n"
NOTHING_MORE = Answer(status=204, url=URL)


def following(known: Contact, *, after: int = 0, **chosen: object) -> Following:
    return follow(known, TREE, after=after, chosen=Filter(**chosen))  # pyright: ignore[reportArgumentType] - fields by name


def numbers(played: Played[None]) -> list[int | None]:
    return [each.seq for each in played.events]


def cursors(played: Played[None]) -> list[str | None]:
    return [request.headers.get("Last-Event-ID") for request in played.requests]


def test_a_whole_stream_is_followed_to_its_terminal_event() -> None:
    clock = Clock()
    played = play(following(contact(clock)), in_order(STREAM, SECONDS + event(1), event(2) + end(3)), clock)
    assert numbers(played) == [1, 2, 3]
    [request] = played.requests
    assert (request.path, request.headers["Accept"], request.silence_s) == (
        f"/trees/{TREE}/events",
        "text/event-stream",
        45.0,
    )


def test_a_broken_connection_is_taken_up_after_the_last_whole_event() -> None:
    clock = Clock()
    network = in_order(STREAM, SECONDS + event(1) + event(2)[:-1], CUT, STREAM, event(2) + end(3))
    played = play(following(contact(clock)), network, clock)
    assert numbers(played) == [1, 2, 3]
    assert cursors(played) == [None, "1"]
    assert played.pauses == [2.0]


def test_a_caller_that_comes_with_a_cursor_gets_the_rest() -> None:
    clock = Clock()
    network = in_order(STREAM, event(7) + event(8), CUT, NOTHING_MORE)
    played = play(following(contact(clock), after=7), network, clock)
    assert (numbers(played), cursors(played)) == ([8], ["7", "8"])


def test_nothing_more_to_come_ends_it() -> None:
    clock = Clock()
    assert numbers(play(following(contact(clock), after=9), in_order(NOTHING_MORE), clock)) == []


def test_filters_go_along_with_every_connection() -> None:
    clock = Clock()
    plan = following(contact(clock), node="n", depth=0, types=["a", "b"], deltas=True)
    played = play(plan, in_order(STREAM, CUT, STREAM, end(1)), clock)
    asked = {"node": "n", "depth": "0", "types": "a,b", "deltas": "true"}
    assert [request.params for request in played.requests] == [asked, asked]


def test_one_type_is_not_taken_apart() -> None:
    assert Filter(types="node.turn").params() == {"types": "node.turn"}


def test_the_servers_pause_is_kept_and_grows_while_the_server_is_gone() -> None:
    clock = Clock()
    network = in_order(STREAM, b"retry: 700\n\n", CUT, *[REFUSED] * 4, problem(503, retry_after="9"), NOTHING_MORE)
    played = play(following(contact(clock)), network, clock)
    assert played.pauses == [0.7, 0.7, 1.0, 2.0, 4.0, 9.0]


def test_every_byte_renews_patience() -> None:
    clock = Clock()
    turns = [STREAM, b": ping\n\n", CUT] * 200
    play(following(contact(clock, patience_s=5.0)), in_order(*turns, NOTHING_MORE), clock)
    assert clock.now >= 1400.0


def test_a_server_that_does_not_come_back_is_given_up() -> None:
    clock = Clock()
    with pytest.raises(Unreachable):
        play(following(contact(clock)), in_order(STREAM, event(1), CUT, *[REFUSED] * 99), clock)
    assert clock.now == 1060.0


def test_connections_without_a_byte_are_no_sign_of_life() -> None:
    clock = Clock()
    with pytest.raises(Unreachable):
        play(following(contact(clock)), in_order(*[STREAM, CUT] * 99), clock)
    assert clock.now == 1060.0


def test_patience_shorter_than_the_servers_pause_still_allows_a_try() -> None:
    clock = Clock()
    known = contact(clock, patience_s=1.0)
    assert numbers(play(following(known), in_order(STREAM, SECONDS, CUT, STREAM, end(1)), clock)) == [1]


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (400, Refused), (307, Refused)])
def test_a_refusal_is_final(status: int, kind: type[Refused]) -> None:
    with pytest.raises(kind):
        play(following(contact()), in_order(STREAM, event(1), CUT, problem(status)), Clock())


def test_an_answer_that_is_no_stream_is_final() -> None:
    with pytest.raises(StrangeAnswer):
        play(following(contact()), always(Answer(status=200, url=URL, headers={"content-type": "text/html"})), Clock())


def test_who_interrupted_it_gets_the_rest_without_a_pause() -> None:
    clock = Clock()
    network = in_order(STREAM, event(1), INTERRUPTED, STREAM, end(2))
    played = play(following(contact(clock, patience_s=0.0)), network, clock)
    assert (numbers(played), played.pauses, cursors(played)) == ([1, 2], [], [None, "1"])


def test_after_a_gap_the_journal_counts_from_where_it_stands() -> None:
    clock = Clock()
    gap = event(None, "stream.gap", tree("working"))
    played = play(following(contact(clock), after=20), in_order(STREAM, SECONDS + gap + event(16) + end(17)), clock)
    assert [each.type for each in played.events] == ["stream.gap", "node.created", "tree.completed"]
    assert played.events[0].tree is not None


def test_a_connection_that_breaks_right_after_a_gap_starts_over() -> None:
    clock = Clock()
    gap = event(None, "stream.gap", tree("working"))
    played = play(following(contact(clock), after=20), in_order(STREAM, gap, CUT, STREAM, event(1) + end(2)), clock)
    assert cursors(played) == ["20", None]
    assert numbers(played) == [None, 1, 2]


def test_lines_that_are_no_events_are_skipped() -> None:
    strange = b'data: not json\n\ndata: [1]\n\ndata: "x"\n\nevent: new.kind\n\n'
    assert numbers(play(following(contact()), in_order(STREAM, strange + end(1)), Clock())) == [1]


class Journal:
    """A server with a journal of so many events, on a network that fails in every way at random moments."""

    def __init__(self, size: int, chance: random.Random) -> None:
        self.frames = [*(event(seq) for seq in range(1, size)), end(size)]
        self._chance = chance
        self._rest = b""

    def __call__(self, step: Step) -> Told:
        match step:
            case Open(request):
                return self._open(int(request.headers.get("Last-Event-ID", "0")))
            case Read():
                return self._read()
            case _:
                raise AssertionError(step)

    def _open(self, cursor: int) -> Told:
        if self._chance.random() < 0.3:
            return self._chance.choice([REFUSED, problem(503), Answer(status=502, url=URL, body=b"<html>")])
        # A server that is asked for what follows 5 may also begin with 4: it must not harm.
        start = max(0, cursor - self._chance.choice([0, 0, 1, 3]))
        self._rest = SECONDS + b": ping\n\n".join(self.frames[start:])
        return STREAM

    def _read(self) -> Told:
        if self._chance.random() < 0.2 or not self._rest:
            return self._chance.choice([CUT, INTERRUPTED])
        size = self._chance.randint(1, max(1, 2 * len(self._rest) // 3))
        chunk, self._rest = self._rest[:size], self._rest[size:]
        return chunk


@given(size=st.integers(1, 30), seed=st.integers(0, 2**32), after=st.integers(0, 29))
def test_random_breaks_lose_nothing_double_nothing_and_keep_the_order(size: int, seed: int, after: int) -> None:
    clock, after = Clock(), min(after, size - 1)
    network = Journal(size, random.Random(seed))
    # A network may fail for as long as it likes: how long patience lasts is another test's.
    played = play(following(contact(clock, patience_s=1e9, first_patience_s=1e9), after=after), network, clock)
    assert numbers(played) == list(range(after + 1, size + 1))
    assert [f"data: {each.line}\n\n".encode() for each in played.events] == [
        frame[frame.index(b"data: ") :] for frame in network.frames[after:]
    ]
