"""SIGTERM: the server leaves in time, its trees can be gone on with, and who follows them is told."""

import asyncio
import random
import time
from dataclasses import replace

from tests.chaos.follower import Follower
from tests.chaos.forest import submit
from tests.chaos.journal_rules import journal_faults
from tests.chaos.ledger_rules import ledger_faults
from tests.chaos.scenario import RICH_TOKENS, TreePlan, draw_scenario
from tests.chaos.striking import LEFT
from tests.chaos.world import World, world

TREES = 5
PLAN = TreePlan(goal="tree 4 3", answer=12, max_tokens=RICH_TOKENS, context="some text")
# As `drain_s` is by default; the server must be gone by then, though no call of its trees comes to its end.
DRAIN_S = 8.0
NEVER_S = 600.0
GOODBYE = "server is shutting down"


async def _follow_to_the_end(followers: list[Follower]) -> None:
    async with asyncio.TaskGroup() as group:
        for follower in followers:
            group.create_task(follower.run())


async def _leave_in_the_midst(around: World, followers: list[Follower]) -> float:
    """Have the server leave while calls are in flight that do not end; seconds until it has left."""
    quick, ledger = around.stand_in.config, around.stand_in.ledger
    async with asyncio.TaskGroup() as group:
        following = [group.create_task(follower.run()) for follower in followers]
        await ledger.until(lambda now: now.arrivals >= 3 * TREES)
        around.stand_in.configure(replace(quick, first_token_s=NEVER_S))
        earlier = ledger.arrivals
        await ledger.until(lambda now: now.arrivals >= earlier + 2 * TREES)
        began_s = time.perf_counter()
        assert await around.host.leave() in LEFT
        left_s = time.perf_counter() - began_s
        for each in following:
            each.cancel()
    around.stand_in.configure(quick)
    return left_s


async def test_a_server_that_is_told_to_leave_leaves_its_trees_to_the_next_one() -> None:
    async with asyncio.timeout(60), world(replace(draw_scenario(0, 1), latency_s=0.05, slots=64)) as around:
        tree_ids = [await submit(around.session, around.host, PLAN, f"leaving-{index}") for index in range(TREES)]
        followers = [
            Follower(around.session, around.host, tree_id, draw=random.Random(tree_id)) for tree_id in tree_ids
        ]
        left_s = await _leave_in_the_midst(around, followers)
        assert left_s < DRAIN_S
        assert [follower.comments for follower in followers] == [[GOODBYE]] * TREES
        assert not any(follower.has_ended for follower in followers)
        told_before = [len(follower.seen) for follower in followers]

        await around.host.start()
        await _follow_to_the_end(followers)
        journals = [[sent.event for sent in follower.seen] for follower in followers]
        assert [fault for journal in journals for fault in journal_faults(PLAN, journal)] == []
        assert list(ledger_faults(journals, around.stand_in.ledger.entries)) == []
        for journal, before in zip(journals, told_before, strict=True):
            resumed = next(event for event in journal if event["type"] == "tree.resumed")
            assert resumed["seq"] > before
            assert [event["type"] for event in journal].count("tree.resumed") == 1
        cut = [event for journal in journals for event in journal if event["type"] == "call.failed"]
        assert {event["data"]["error"]["kind"] for event in cut} == {"canceled"}
        assert len(cut) >= 2 * TREES
