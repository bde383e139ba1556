"""The rules of this suite can fail: each of these spoiled journals or ledgers is found out."""

import asyncio
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import pytest

from rao_runtime.standin.ledger import Entry
from tests.chaos.run import Played, judge, play
from tests.chaos.scenario import Blow, Kill, draw_scenario

KILLS = tuple(Kill(blow=blow, arrivals=6, delay_s=0.0, again_s=0.0) for blow in (Blow.KILL, Blow.TERM))


@dataclass(frozen=True, slots=True)
class Spoiler:
    """A run's first journal that was interrupted, and the ledger; to be changed."""

    journal: list[dict[str, Any]]
    entries: list[Entry]

    def first(self, kind: str) -> dict[str, Any]:
        """The first event of this type."""
        return next(event for event in self.journal if event["type"] == kind)

    def number(self) -> None:
        """Number the events anew."""
        for seq, event in enumerate(self.journal, 1):
            event["seq"] = seq

    def insert(self, event: dict[str, Any], after: dict[str, Any]) -> None:
        """Have an event come right after another one."""
        self.journal.insert(self.journal.index(after) + 1, deepcopy(event))
        self.number()


@pytest.fixture(scope="module")
def played() -> Played:
    return asyncio.run(play(replace(draw_scenario(0, 1), kills=KILLS, width=3)))


def _lose_an_event(run: Spoiler) -> None:
    del run.journal[len(run.journal) // 2]


def _double_an_event(run: Spoiler) -> None:
    run.journal.insert(5, run.journal[5])


def _start_a_finished_call_again(run: Spoiler) -> None:
    done = run.first("call.completed")
    started = next(e for e in run.journal if e["type"] == "call.started" and e["node_id"] == done["node_id"])
    run.insert({**started, "data": {**started["data"], "attempt": done["data"]["attempt"] + 1}}, done)


def _settle_an_attempt_twice(run: Spoiler) -> None:
    run.insert(run.first("call.completed"), run.first("call.completed"))


def _keep_a_fence(run: Spoiler) -> None:
    run.first("tree.resumed")["data"]["fence"] = run.first("tree.started")["data"]["fence"]


def _interrupt_without_a_new_owner(run: Spoiler) -> None:
    run.journal.remove(run.first("tree.resumed"))
    run.number()


def _forget_what_a_node_used(run: Spoiler) -> None:
    run.first("node.completed")["data"]["usage"]["input_tokens"] -= 1


def _cost_nothing(run: Spoiler) -> None:
    run.journal[-1]["data"]["cost"]["amount"] = "0"


def _answer_wrongly(run: Spoiler) -> None:
    run.journal[-1]["data"]["answer"] += 1


def _make_a_node_twice(run: Spoiler) -> None:
    run.insert(run.first("node.created"), run.first("node.created"))


def _ask_again(run: Spoiler) -> None:
    data = run.first("call.completed")["data"]
    run.entries.append(replace(run.entries[0], request_id=f"{data['call_id']}-a{data['attempt'] + 1}"))


def _ask_twice(run: Spoiler) -> None:
    run.entries.append(run.entries[0])


def _count_otherwise(run: Spoiler) -> None:
    done = run.first("call.completed")["data"]
    name = f"{done['call_id']}-a{done['attempt']}"
    run.entries[:] = [
        replace(entry, completion_tokens=entry.completion_tokens + 1) if entry.request_id == name else entry
        for entry in run.entries
    ]


def _book_nothing_for_what_was_cut_off(run: Spoiler) -> None:
    cut = {event["node_id"]: event for event in run.journal if event["type"] == "call.failed"}
    for event in cut.values():
        event["data"]["usage"] = dict.fromkeys(event["data"]["usage"], 0)


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (_lose_an_event, "without gaps"),
        (_double_an_event, "without gaps"),
        (_start_a_finished_call_again, "had finished and was sent again"),
        (_settle_an_attempt_twice, "settled twice"),
        (_keep_a_fence, "fences do not grow"),
        (_interrupt_without_a_new_owner, "no owner has just come"),
        (_forget_what_a_node_used, "its calls say"),
        (_cost_nothing, "says it cost 0"),
        (_answer_wrongly, "is right"),
        (_make_a_node_twice, "was created 2 times"),
        (_ask_again, "had finished and was sent again"),
        (_ask_twice, "was sent 2 times"),
        (_count_otherwise, "the replica counted"),
        (_book_nothing_for_what_was_cut_off, "not booked as estimated and wasted"),
    ],
)
def test_what_is_wrong_is_found_out(played: Played, spoil: Callable[[Spoiler], None], found: str) -> None:
    assert judge(played) == []
    journals = [[dict(event) for event in deepcopy(journal)] for journal in played.journals]
    index = next(i for i, journal in enumerate(journals) if "interrupted" in _kinds(journal))
    entries = list(played.entries)
    spoil(Spoiler(journals[index], entries))
    faults = judge(replace(played, journals=journals, entries=entries))
    assert any(found in fault for fault in faults), faults


def test_what_the_pool_asks_for_itself_is_no_call_of_a_tree(played: Played) -> None:
    canary = replace(played.entries[0], request_id="upkeep-r1-2")
    assert judge(replace(played, entries=[*played.entries, canary])) == []


def _kinds(journal: list[dict[str, Any]]) -> set[str]:
    return {event["data"]["error"]["kind"] for event in journal if event["type"] == "call.failed"}
