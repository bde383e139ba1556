"""Single calls over a network that fails: what is tried again, for how long, and what is raised in the end."""

from collections.abc import Callable
from typing import Any

import pytest

from rao_runtime.client import NotFound, Page, Refused, StrangeAnswer, Tree, Unavailable, Unreachable, calls
from rao_runtime.client.contact import Contact
from rao_runtime.client.steps import Answer, Lost, Plan, Told
from tests.unit.client_play import (
    REFUSED,
    TREE,
    URL,
    Clock,
    Played,
    always,
    contact,
    in_order,
    json_answer,
    play,
    problem,
    tree,
)

DOWN = (REFUSED, Lost("ReadTimeout"), Answer(status=502, url=URL, body=b"<html>"), problem(503), problem(429))
CALLS: list[Callable[[Contact], Plan[Any]]] = [
    lambda known: calls.submit(known, b"{}", None),
    lambda known: calls.get(known, TREE),
    lambda known: calls.cancel(known, TREE),
    lambda known: calls.cancel(known, TREE, "n"),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("failure", DOWN)
def test_a_call_is_repeated_until_the_server_is_back(call: Callable[[Contact], Plan[Any]], failure: Told) -> None:
    clock = Clock()
    played = play(call(contact(clock)), in_order(failure, failure, json_answer(tree())), clock)
    assert isinstance(played.result, Tree)
    first, *again = played.requests
    assert again == [first, first]
    assert played.pauses == [0.25, 0.5]


def test_a_task_is_sent_again_with_the_key_it_had() -> None:
    clock = Clock()
    played = play(calls.submit(contact(clock), b"{}", None), in_order(REFUSED, REFUSED, json_answer(tree())), clock)
    assert [request.headers["Idempotency-Key"] for request in played.requests] == ["k1", "k1", "k1"]


def test_patience_is_bounded_and_pauses_grow() -> None:
    clock = Clock()
    played = Played[Tree]()
    with pytest.raises(Unreachable, match=f"cannot reach {URL}: Connection refused"):
        play(calls.get(contact(clock, patience_s=20.0, first_patience_s=20.0), TREE), always(REFUSED), clock, played)
    assert played.pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 2.25]
    assert clock.now == 1020.0


def test_a_server_that_stays_without_room_is_told_as_that() -> None:
    clock = Clock()
    with pytest.raises(Unavailable, match=r"No room \(503\)"):
        play(calls.get(contact(clock), TREE), always(problem(503, "No room")), clock)
    assert clock.now == 1060.0


def test_the_servers_own_pause_is_kept() -> None:
    clock = Clock()
    played = play(calls.get(contact(clock), TREE), in_order(problem(503, retry_after="7"), json_answer(tree())), clock)
    assert played.pauses == [7.0]


def test_a_pause_longer_than_patience_is_not_begun() -> None:
    clock = Clock()
    with pytest.raises(Unavailable) as raised:
        play(calls.get(contact(clock), TREE), always(problem(503, retry_after="3600")), clock)
    assert clock.now == 1000.0
    assert raised.value.problem.retry_after_s == 3600.0


def test_a_server_that_never_answered_may_be_given_less_time() -> None:
    clock = Clock()
    known = contact(clock, first_patience_s=0.0)
    with pytest.raises(Unreachable):
        play(calls.get(known, TREE), always(REFUSED), clock)
    assert clock.now == 1000.0
    play(calls.get(known, TREE), always(json_answer(tree())), clock)
    assert play(calls.get(known, TREE), in_order(REFUSED, json_answer(tree())), clock).pauses == [0.25]


@pytest.mark.parametrize("status", [301, 400, 401, 404, 405, 409, 413, 422, 500])
def test_what_would_be_refused_again_is_asked_once(status: int) -> None:
    clock, played = Clock(), Played[Tree]()
    with pytest.raises(Refused):
        play(calls.get(contact(clock), TREE), always(problem(status)), clock, played)
    assert len(played.steps) == 1


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"tree_id": 1, "status": "working"}'])
def test_something_else_that_answers_is_taken_for_what_it_is(body: bytes) -> None:
    clock = Clock()
    plans: list[Plan[Any]] = [
        calls.get(contact(clock), TREE),
        calls.node(contact(clock), TREE, "n"),
        calls.trees(contact(clock), limit=5, after=None, status=None),
    ]
    for plan in plans:
        with pytest.raises(StrangeAnswer, match="is it one"):
            play(plan, always(Answer(status=200, url=URL, body=body)), clock)


def test_a_tree_that_is_gone_after_a_lost_reply_was_deleted() -> None:
    clock = Clock()
    play(calls.delete(contact(clock), TREE), in_order(Lost("ReadError"), problem(404)), clock)
    with pytest.raises(NotFound):
        play(calls.delete(contact(clock), TREE), always(problem(404)), clock)


def test_a_page_says_where_the_next_one_begins() -> None:
    clock = Clock()
    said = {"data": [tree(), "strange"], "next_cursor": "c", "has_more": True}
    played = play(calls.trees(contact(clock), limit=5, after="b", status="failed"), always(json_answer(said)), clock)
    assert played.requests[0].params == {"limit": "5", "after": "b", "status": "failed"}
    assert isinstance(played.result, Page)
    assert ([each.tree_id for each in played.result.trees], played.result.next_cursor) == ([TREE], "c")
    last = play(calls.trees(contact(clock), limit=5, after=None, status=None), always(json_answer({"data": []})), clock)
    assert last.result == Page(trees=(), next_cursor=None)


@pytest.mark.parametrize("key", ["", "two words", "größer", "x" * 256, "line\n"])
def test_a_key_that_is_none_is_not_sent(key: str) -> None:
    with pytest.raises(ValueError, match="1 to 255 visible ASCII"):
        play(calls.submit(contact(), b"{}", key), always(REFUSED), Clock())


def test_an_id_cannot_lead_to_another_path() -> None:
    assert calls.path_of("a/../b?x#y") == "/trees/a%2F..%2Fb%3Fx%23y"
    assert calls.path_of("t", "n/cancel") == "/trees/t/nodes/n%2Fcancel"
