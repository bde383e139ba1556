"""Waiting for a tree: over proxies that cut, servers that restart and streams that never come."""

import pytest

from rao_runtime.client import NotFound, StillRunning, Tree, TreeFailed, Unreachable
from rao_runtime.client.contact import Contact
from rao_runtime.client.steps import Ask, Lost, Open, Pause, Plan, Read, Step, Told
from rao_runtime.client.waiting import HOLD_S, solve, wait
from tests.unit.client_play import (
    REFUSED,
    STREAM,
    TREE,
    Clock,
    Played,
    contact,
    end,
    event,
    in_order,
    json_answer,
    play,
    problem,
    tree,
)

WORKING = json_answer(tree("working"))
ACCEPTED = json_answer(tree("working"), 202, retry_after="2")
CUT = Lost("RemoteProtocolError")


def solving(known: Contact, *, wait_s: float | None = None, raise_on_failure: bool = True) -> Plan[Tree]:
    return solve(known, b"{}", None, wait_s=wait_s, raise_on_failure=raise_on_failure)


def names(played: Played[Tree]) -> str:
    return " ".join(type(step).__name__ for step in played.steps)


def test_a_quick_tree_takes_one_request() -> None:
    clock = Clock()
    played = play(solving(contact(clock)), in_order(json_answer(tree())), clock)
    [request] = played.requests
    assert played.result is not None
    assert played.result.answer == 42
    assert request.headers["Prefer"] == f"wait={HOLD_S}"
    assert request.silence_s == 60.0 + HOLD_S


def test_a_longer_one_is_listened_to_until_its_end() -> None:
    clock = Clock()
    played = play(solving(contact(clock)), in_order(ACCEPTED, STREAM, b"retry: 2000\n\n", b": ping\n\n", end(9)), clock)
    assert names(played) == "Ask Open Read Read Read"
    assert played.result is not None
    assert played.result.answer == 42
    assert played.requests[1].params == {"types": "tree.canceled,tree.completed,tree.failed"}


def test_a_stream_that_breaks_is_followed_by_a_look_at_the_tree() -> None:
    clock = Clock()
    cut = b"retry: 3000\n\n" + end(9)[:-9]
    network = in_order(ACCEPTED, STREAM, cut, CUT, REFUSED, problem(503), WORKING, STREAM, end(9))
    played = play(solving(contact(clock)), network, clock)
    assert names(played) == "Ask Open Read Read Pause Ask Pause Ask Pause Ask Open Read"
    assert played.pauses[0] == 3.0


def test_a_proxy_that_holds_streams_back_makes_it_slow_only() -> None:
    clock = Clock()
    looks = 0

    def network(step: Step) -> Told:
        nonlocal looks
        match step:
            case Ask():
                looks += 1
                return ACCEPTED if looks < 100 else json_answer(tree())
            case Open():
                return STREAM
            case Read():
                clock.now += 45.0
                return Lost("ReadTimeout")
            case Pause():
                return None

    assert play(solving(contact(clock)), network, clock).result is not None
    assert clock.now > 4000.0


def test_a_tree_that_a_restart_has_lost_is_said() -> None:
    clock = Clock()
    with pytest.raises(NotFound):
        play(solving(contact(clock)), in_order(ACCEPTED, STREAM, CUT, problem(404)), clock)


def test_a_server_that_does_not_come_back_is_given_up() -> None:
    clock = Clock()
    network = in_order(ACCEPTED, *[REFUSED] * 100)
    with pytest.raises(Unreachable):
        play(solving(contact(clock)), network, clock)
    assert 1060.0 <= clock.now <= 1070.0


def test_a_stream_that_is_refused_leaves_asking() -> None:
    clock = Clock()
    network = in_order(ACCEPTED, problem(404), WORKING, json_answer("<html>"), json_answer(tree()))
    assert names(play(solving(contact(clock)), network, clock)) == "Ask Open Pause Ask Open Pause Ask"


@pytest.mark.parametrize("status", ["failed", "canceled", "rejected"])
def test_a_tree_without_an_answer_is_an_error_unless_asked_otherwise(status: str) -> None:
    clock = Clock()
    said = json_answer(tree(status, error={"reason": "tokens", "message": "too many"}))
    with pytest.raises(TreeFailed, match=f"tree {TREE} ended as {status}: tokens: too many") as raised:
        play(solving(contact(clock)), in_order(said), clock)
    played = play(solving(contact(clock), raise_on_failure=False), in_order(said), clock)
    assert played.result == raised.value.tree


@pytest.mark.parametrize(("wait_s", "held"), [(0.0, 0), (0.5, 0), (7.9, 7), (500.0, HOLD_S)])
def test_a_bounded_wait_lets_the_server_hold_the_answer_for_part_of_it(wait_s: float, held: int) -> None:
    clock = Clock()
    played = play(solving(contact(clock), wait_s=wait_s), in_order(json_answer(tree())), clock)
    assert played.requests[0].headers["Prefer"] == f"wait={held}"


def test_a_bounded_wait_ends_in_time() -> None:
    clock = Clock()
    played = Played[Tree]()
    with pytest.raises(StillRunning, match=f"tree {TREE} is still working") as raised:
        play(solving(contact(clock), wait_s=2.5), lambda _: ACCEPTED, clock, played)
    assert isinstance(raised.value, TimeoutError)
    assert raised.value.tree.tree_id == TREE
    assert played.pauses == [1.0, 1.0, 0.5]
    assert clock.now == 1002.5


def test_a_bounded_wait_bounds_patience_too() -> None:
    clock = Clock()
    with pytest.raises(Unreachable):
        play(solving(contact(clock), wait_s=5.0), lambda _: REFUSED, clock)
    assert clock.now == 1005.0


def test_waiting_for_a_tree_begins_with_a_look_at_it() -> None:
    clock = Clock()
    plan = wait(contact(clock), TREE, wait_s=None, raise_on_failure=True)
    assert names(play(plan, in_order(json_answer(tree())), clock)) == "Ask"
    plan = wait(contact(clock), TREE, wait_s=None, raise_on_failure=True)
    network = in_order(WORKING, STREAM, event(1), end(2))
    assert names(play(plan, network, clock)) == "Ask Open Read Read"
