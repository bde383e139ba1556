"""One run: a world, trees in flight, blows at their moments; then every journal is read and judged."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from rao_runtime.standin.ledger import Entry
from tests.chaos.follower import Follower
from tests.chaos.forest import Forest, Tree
from tests.chaos.journal_rules import Told, journal_faults, repeated_calls
from tests.chaos.ledger_rules import ledger_faults, sent_again
from tests.chaos.report import Report, recoveries
from tests.chaos.scenario import Blow, Scenario, TreePlan, draw_scenario
from tests.chaos.striking import strike
from tests.chaos.waits import arrivals
from tests.chaos.world import World, world

SIGNALS_PER_SEED = 20
LONGEST_S = 120.0
SHOWN = 12


class Broken(AssertionError):
    """A run in which a rule did not hold; says how to see it again."""

    def __init__(self, scenario: Scenario, what: str, kind: str = "") -> None:
        drawn = "\n  ".join(scenario.lines())
        super().__init__(f"{what}\nagain: python -m tests.chaos {kind}--seed {scenario.seed}\n  {drawn}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What is left of a run: each tree's plan and journal, what reached the replica, what was done to the server."""

    plans: Sequence[TreePlan]
    journals: Sequence[Sequence[Told]]
    entries: Sequence[Entry]
    blows: Counter[Blow]
    trees_hit: Sequence[int]
    starts: Sequence[float]
    log: str


async def run_seed(seed: int, signals: int = SIGNALS_PER_SEED) -> Report:
    """The run of this seed. Raises Broken."""
    scenario = draw_scenario(seed, signals)
    began_s = time.perf_counter()
    played = await play(scenario)
    if faults := judge(played):
        raise Broken(scenario, "\n".join([*faults[:SHOWN], played.log, *_outline(played)]))
    return Report(
        seed=seed,
        blows={str(blow): times for blow, times in played.blows.items()},
        kills=sum(blow.signals * times for blow, times in played.blows.items()),
        trees_hit=played.trees_hit,
        trees=len(played.plans),
        poor=sum(plan.is_poor for plan in played.plans),
        failed=sum(journal[-1]["type"] == "tree.failed" for journal in played.journals),
        events=sum(map(len, played.journals)),
        calls=len(played.entries),
        cut_off=sum(event["type"] == "call.failed" for journal in played.journals for event in journal),
        repeated=len(repeated(played)),
        recoveries_s=recoveries(played.starts[1:], played.journals),
        wall_s=time.perf_counter() - began_s,
    )


async def play(scenario: Scenario) -> Played:
    """Let it happen. Raises Broken where trees do not end, or a follower is told something wrong."""
    async with world(scenario) as around:
        forest = Forest(around.session, around.host, scenario)
        blows, hit = Counter[Blow](), list[int]()
        try:
            async with asyncio.timeout(LONGEST_S):
                await _storm(around, forest, scenario, blows, hit)
                journals = [await _journal(around, tree) for tree in forest.trees]
                listed = await forest.listed()
                assert sorted(listed) == sorted(tree.tree_id for tree in forest.trees), (
                    "a task became two trees, or none"
                )
        except* (AssertionError, TimeoutError) as errors:
            what = [repr(first_error(errors)), around.host.tail(), *forest.unfinished()[:SHOWN]]
            raise Broken(scenario, "\n".join(what)) from errors
        return Played(
            plans=[tree.plan for tree in forest.trees],
            journals=journals,
            entries=around.stand_in.ledger.entries,
            blows=blows,
            trees_hit=hit,
            starts=around.host.starts,
            log=around.host.tail(),
        )


def judge(played: Played) -> list[str]:
    """Every rule that did not hold."""
    faults = [
        f"tree {journal[0]['tree_id']} ({plan.goal}, {plan.max_tokens} tokens): {fault}"
        for plan, journal in _trees(played)
        for fault in journal_faults(plan, journal)
    ]
    faults += ledger_faults(played.journals, played.entries)
    return faults + [f"call {call} had finished and was sent again" for call in repeated(played)]


def repeated(played: Played) -> list[str]:
    """Calls that were asked again after they had finished, by their journal or by the replica's ledger."""
    journaled = {call for journal in played.journals for call in repeated_calls(journal)}
    return sorted(journaled | sent_again(played.journals, played.entries))


def first_error(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error that is not a group."""
    first = errors.exceptions[0]
    if isinstance(first, BaseExceptionGroup):
        return first_error(cast("BaseExceptionGroup[BaseException]", first))
    return first


def _trees(played: Played) -> Iterator[tuple[TreePlan, Sequence[Told]]]:
    return zip(played.plans, played.journals, strict=True)


def _outline(played: Played) -> Iterator[str]:
    """The journal of the first tree in which something is wrong: the same seed may not bring it about again."""
    wrong = (journal for plan, journal in _trees(played) if any(journal_faults(plan, journal)))
    for event in next(wrong, ()):
        data = event["data"]
        told = {name: data[name] for name in ("fence", "from_seq", "attempt", "error", "answer") if name in data}
        yield f"  {event['seq']} {event['ts'][14:]} {event['type']} {event['node_id']} t{event['turn']} {told}"


async def _storm(around: World, forest: Forest, scenario: Scenario, blows: Counter[Blow], hit: list[int]) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(forest.grow())
        for kill in scenario.kills:
            await arrivals(around.stand_in.ledger, kill.arrivals)
            await around.host.stays(kill.delay_s)
            hit.append(forest.in_flight)
            blows[await strike(around.host, kill)] += 1
        forest.enough.set()


async def _journal(around: World, tree: Tree) -> list[Told]:
    """A tree's journal as it is now, which is what its follower was told, byte for byte."""
    reader = Follower(around.session, around.host, tree.tree_id, draw=random.Random(0))
    await reader.run()
    assert reader.seen == tree.follower.seen, f"tree {tree.tree_id} is told otherwise after its end"
    return [sent.event for sent in reader.seen]
