"""The client library, sync and async, against a real server."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from rao_runtime.client import Conflict, Invalid, NotFound, StillRunning, Tree, TreeFailed
from rao_runtime.core.ids import root_id
from tests.contract.world import World, served, world
from tests.integration.client_caller import KINDS, Caller, calling

KIND = pytest.mark.parametrize("kind", KINDS)


@asynccontextmanager
async def serving(kind: str, *, sync_wait_s: float = 30.0) -> AsyncGenerator[tuple[World, Caller], None]:
    """A gateway that waits for so long, and a client of it."""
    async with (
        world(sync_wait_s=sync_wait_s) as gateway,
        served(gateway.app, gateway.settings) as (server, _),
        calling(kind, server.url, patience_s=5.0) as call,
    ):
        yield gateway, call


def node_for(goal: str, tree: Tree) -> str | None:
    """The id of the root's child with this goal, once it is there."""
    children = () if tree.root is None else tree.root.children
    return next((child.node_id for child in children if child.goal == goal), None)


@KIND
async def test_a_task_is_solved(kind: str) -> None:
    async with serving(kind) as (_, call):
        tree = await call("solve", "ANSWER", ["a text"], mode="flat", limits={"max_nodes": 3}, metadata={"team": "a"})
        read = await call("get", tree.tree_id)
    assert (tree.status, tree.answer, tree.error, tree.metadata) == ("completed", 42, None, {"team": "a"})
    assert (tree.usage.calls, tree.nodes.total, tree.raw["limits"]["max_nodes"]) == (1, 1, 3)
    assert read == tree


@KIND
async def test_a_tree_that_takes_longer_than_the_server_waits_is_waited_for(kind: str) -> None:
    async with serving(kind, sync_wait_s=0.01) as (gateway, call), asyncio.TaskGroup() as group:
        solving = group.create_task(call("solve", "STUCK", raise_on_failure=False))
        await gateway.stand_in.ledger.until(lambda ledger: ledger.running > 0)
        [tree] = (await call("trees")).trees
        assert not tree.has_ended
        await call("cancel", tree)
        assert (await solving).status == "canceled"


@KIND
async def test_a_tree_without_an_answer_is_an_error_with_the_tree_in_it(kind: str) -> None:
    async with serving(kind) as (_, call):
        with pytest.raises(TreeFailed, match=r"unable \(impossible\): it cannot be done") as raised:
            await call("solve", "GIVE UP")
        assert await call("wait", raised.value.tree.tree_id, raise_on_failure=False) == raised.value.tree


@KIND
async def test_a_bounded_wait_leaves_the_tree_running(kind: str) -> None:
    async with serving(kind) as (_, call):
        with pytest.raises(StillRunning) as raised:
            await call("solve", "STUCK", wait_s=0.1)
        tree = raised.value.tree
        with pytest.raises(TimeoutError):
            await call("wait", tree, wait_s=0.0)
        await call("cancel", tree.tree_id)
        assert (await call("wait", tree, raise_on_failure=False)).status == "canceled"


@KIND
async def test_all_events_come_and_the_last_one_brings_the_tree(kind: str) -> None:
    async with serving(kind) as (_, call):
        tree = await call("solve", "SPLIT", mode="recursive")
        events = await call.events(tree.tree_id)
        rest = await call.events(tree.tree_id, after=len(events) - 1)
        nothing = await call.events(tree.tree_id, after=len(events))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert (events[0].type, events[-1].type, events[-1].tree) == ("tree.created", "tree.completed", tree)
    assert ([event.seq for event in rest], nothing) == ([len(events)], [])


@KIND
async def test_what_models_write_can_be_seen_too(kind: str) -> None:
    async with serving(kind) as (_, call):
        tree = await call("submit", "ANSWER")
        events = await call.events(tree.tree_id, deltas=True)
    numbered = [event for event in events if event.type != "node.delta"]
    assert [event.seq for event in numbered] == list(range(1, len(numbered) + 1))
    assert all(event.seq is None and event.data["text"] for event in events if event.type == "node.delta")


@KIND
async def test_nodes_are_read_and_cancelled(kind: str) -> None:
    async with serving(kind) as (_, call):
        tree = await call("submit", "HALF STUCK", mode="recursive")
        while not (stuck := node_for("STUCK", await call("get", tree, nodes=True))):
            pass
        await call("cancel_node", tree, stuck)
        ended = await call("wait", tree)
        root = await call("node", tree, root_id(tree.tree_id))
    assert ended.answer == [42, "canceled"]
    assert (root.status, root.raw["turns"][0]["error"]) == ("completed", None)


@KIND
async def test_trees_come_in_pages(kind: str) -> None:
    async with serving(kind) as (_, call):
        ids = [(await call("solve", "ANSWER")).tree_id for _ in range(3)]
        first = await call("trees", limit=2)
        second = await call("trees", limit=2, after=first.next_cursor, status="completed")
    assert [tree.tree_id for tree in (*first.trees, *second.trees)] == ids[::-1]
    assert second.next_cursor is None


@KIND
async def test_an_ended_tree_is_deleted_and_a_running_one_is_not(kind: str) -> None:
    async with serving(kind) as (gateway, call):
        tree_id = await gateway.stuck()
        with pytest.raises(Conflict, match="still running"):
            await call("delete", tree_id)
        await call("cancel", tree_id)
        await call("wait", tree_id, raise_on_failure=False)
        await call("delete", tree_id)
        with pytest.raises(NotFound, match="There is no such tree"):
            await call("get", tree_id)


@KIND
async def test_what_cannot_be_accepted_says_why_and_which_request_it_was(kind: str) -> None:
    async with serving(kind) as (_, call):
        with pytest.raises(Invalid) as raised:
            await call("solve", "g", model="none", limits={"max_depth": 99, "max_cost": Decimal("1.5")})
    problem = raised.value.problem
    assert ("limits", "max_depth") in [fault.loc for fault in problem.faults]
    assert problem.type == "urn:rao:problem:invalid-request"
    assert problem.request_id


@KIND
async def test_a_key_leads_to_the_same_tree_and_no_key_to_another(kind: str) -> None:
    async with serving(kind) as (_, call):
        trees = [await call("solve", "ANSWER", idempotency_key=key) for key in ("k", "k", None, None)]
        with pytest.raises(Invalid, match="different request body"):
            await call("solve", "OTHER", idempotency_key="k")
    assert trees[0] == trees[1]
    assert len({tree.tree_id for tree in trees}) == 3
