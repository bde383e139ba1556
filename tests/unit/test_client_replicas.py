"""The calls about replicas over a network that fails: what is tried again, and what a lost reply may have done."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.client import Conflict, Invalid, NotFound, Replica, StrangeAnswer, calls, waiting
from rao_runtime.client.steps import Answer, Lost, Plan
from tests.unit.client_play import REFUSED, URL, Clock, Played, always, contact, in_order, json_answer, play, problem
from tests.unit.replicas import replica

LOST = Lost("ReadError")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def known(replica_id: str = "r2") -> Answer:
    """The refusal of a replica that is there already."""
    return json_answer({"title": "There already", "status": 409, "replica_id": replica_id}, 409)


def test_a_replica_has_what_the_server_said() -> None:
    raw = replica(state="down", why="no connection", missing=["set --this"], kv={"tokens": 61_440, "usage": 0.25})
    found = Replica.read(raw)
    assert found is not None
    assert (found.id, found.name, found.state, found.why) == ("r1", "http://a:8001", "down", "no connection")
    assert (found.models, found.slots, found.in_flight, found.version) == (("m",), 256, 3, "0.33.0")
    assert (found.kv_tokens, found.kv_usage, found.running, found.waiting) == (61_440, 0.25, 2, 1)
    assert (found.missing, found.is_managed, found.raw) == (("set --this",), False, raw)


def test_what_a_server_leaves_out_is_nothing() -> None:
    found = Replica.read({"id": "r1", "state": "starting"})
    assert found is not None
    assert (found.models, found.slots, found.version, found.kv_tokens, found.kv_usage) == ((), 0, None, None, None)


@given(st.dictionaries(st.sampled_from([*replica(), "tokens"]), JSON))
def test_no_json_breaks_the_reading(raw: dict[str, Any]) -> None:
    found = Replica.read(raw)
    assert (found is None) == (not isinstance(raw.get("id"), str) or not isinstance(raw.get("state"), str))


def test_the_pool_is_listed() -> None:
    clock = Clock()
    answer = json_answer({"data": [replica(), "strange", replica(id="r2")]})
    played = play(calls.replicas(contact(clock)), in_order(REFUSED, answer), clock)
    assert played.result is not None
    assert [each.id for each in played.result] == ["r1", "r2"]
    assert [(each.method, each.path) for each in played.requests] == [("GET", "/replicas")] * 2


def test_one_is_added_with_slots_or_without() -> None:
    for slots, body in ((None, {"url": "http://a:8001"}), (8, {"url": "http://a:8001", "slots": 8})):
        clock = Clock()
        answer = json_answer(replica(), 201)
        played = play(calls.add_replica(contact(clock), "http://a:8001", slots), always(answer), clock)
        [request] = played.requests
        assert (request.method, request.path, json.loads(request.body or b"")) == ("POST", "/replicas", body)
        assert request.headers["Content-Type"] == "application/json"
        assert played.result == Replica.read(replica())


def test_one_that_is_there_after_a_lost_reply_was_added() -> None:
    clock = Clock()
    network = in_order(LOST, known("r2"), json_answer(replica(id="r2")))
    played = play(calls.add_replica(contact(clock), "http://a:8001", None), network, clock)
    assert played.result is not None
    assert played.result.id == "r2"
    assert [(each.method, each.path) for each in played.requests[1:]] == [
        ("POST", "/replicas"),
        ("GET", "/replicas/r2"),
    ]


def test_one_that_was_there_before_is_told() -> None:
    with pytest.raises(Conflict) as raised:
        play(calls.add_replica(contact(), "http://a:8001", None), always(known("r2")), Clock())
    assert raised.value.problem.raw["replica_id"] == "r2"


def test_a_conflict_that_names_no_replica_is_one_after_a_lost_reply_too() -> None:
    clock = Clock()
    with pytest.raises(Conflict):
        play(calls.add_replica(contact(clock), "http://a:8001", None), in_order(LOST, problem(409)), clock)


def test_what_is_no_url_is_asked_once() -> None:
    clock, played = Clock(), Played[Replica]()
    with pytest.raises(Invalid):
        play(calls.add_replica(contact(clock), "nonsense", None), always(problem(422)), clock, played)
    assert len(played.steps) == 1


def test_one_is_drained() -> None:
    clock = Clock()
    answer = json_answer(replica(state="draining"), 202)
    played = play(calls.drain_replica(contact(clock), "r1"), in_order(problem(503), answer), clock)
    assert [(each.method, each.path) for each in played.requests] == [("DELETE", "/replicas/r1")] * 2
    assert played.result == Replica.read(replica(state="draining"))


def test_one_that_is_gone_after_a_lost_reply_was_drained() -> None:
    clock = Clock()
    played = play(calls.drain_replica(contact(clock), "r1"), in_order(LOST, problem(404)), clock)
    assert played.result is not None
    assert (played.result.id, played.result.state) == ("r1", "draining")
    with pytest.raises(NotFound):
        play(calls.drain_replica(contact(clock), "r1"), always(problem(404)), clock)


def test_a_drain_is_waited_for_until_the_replica_is_gone() -> None:
    clock = Clock()
    last = replica(state="draining", in_flight=1)
    network = in_order(
        json_answer(replica(state="draining", in_flight=2), 202),
        json_answer(last),
        REFUSED,
        json_answer(last),
        problem(404),
    )
    played = play(waiting.drain(contact(clock), "r1"), network, clock)
    assert played.result == Replica.read(last)
    assert [each.method for each in played.requests] == ["DELETE", "GET", "GET", "GET", "GET"]


def test_a_server_that_was_started_anew_drains_nothing_and_is_not_waited_for() -> None:
    clock = Clock()
    network = in_order(json_answer(replica(state="draining"), 202), json_answer(replica(state="ready")))
    played = play(waiting.drain(contact(clock), "r1"), network, clock)
    assert played.result == Replica.read(replica(state="ready"))


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"id": 1, "state": "ready"}', b'{"data": {}}'])
def test_something_else_that_answers_is_taken_for_what_it_is(body: bytes) -> None:
    plans: list[Plan[Any]] = [
        calls.replicas(contact()),
        calls.replica(contact(), "r1"),
        calls.add_replica(contact(), "http://a:8001", None),
        calls.drain_replica(contact(), "r1"),
        waiting.drain(contact(), "r1"),
    ]
    for plan in plans:
        with pytest.raises(StrangeAnswer, match="is it one"):
            play(plan, always(Answer(status=200, url=URL, body=body)), Clock())


def test_an_id_cannot_lead_to_another_path() -> None:
    assert calls.replica_path("a/../b?x") == "/replicas/a%2F..%2Fb%3Fx"
