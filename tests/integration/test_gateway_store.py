"""The gateway on a store of its own: trees that outlive it, nothing that outlives its trees, and trouble in between."""

import os
import signal
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx
from anyio.lowlevel import checkpoint
from redis.asyncio import Redis

from tests.contract.world import World, world


def stored(folder: Path, *, retain_trees: int = 1_000) -> AbstractAsyncContextManager[World]:
    return world(redis_url=None, data_dir=str(folder), retain_trees=retain_trees)


async def keys(folder: Path) -> int:
    """How many there are of trees: the ledger's outlive them."""
    async with Redis(unix_socket_path=str(folder / "valkey.sock")) as redis:
        found = [key async for key in redis.scan_iter()]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - its stub
    return sum(b"{led}" not in key for key in found)  # pyright: ignore[reportUnknownVariableType]


async def seqs(here: World, tree_id: str) -> list[int]:
    return [int(frame.id or 0) for frame in await here.events(tree_id)]


async def test_a_tree_is_read_as_it_was_by_the_next_server(tmp_path: Path) -> None:
    async with stored(tmp_path) as here:
        answer = await here.solve("SPLIT", context="some text", mode="recursive")
        before = answer.json()
        frames = [frame.text for frame in await here.events(before["tree_id"])]
    async with stored(tmp_path) as here:
        tree_id = before["tree_id"]
        assert (await here.http.get(f"/trees/{tree_id}")).json() == before
        assert [frame.text for frame in await here.events(tree_id)] == frames
        assert [tree["tree_id"] for tree in (await here.http.get("/trees")).json()["data"]] == [tree_id]
        node = (await here.http.get(f"/trees/{tree_id}", params={"nodes": "true"})).json()["tree"]
        assert len(node["children"]) == 2


async def test_a_tree_goes_on_in_the_next_server_and_its_stream_after_the_last_event_seen(tmp_path: Path) -> None:
    async with stored(tmp_path) as here:
        tree_id = await here.stuck()
        seen, _ = await here.runtime.last_seq(tree_id)
    async with stored(tmp_path) as here:
        await here.stand_in.ledger.until(lambda ledger: ledger.running == 1)
        answer = await here.http.post(f"/trees/{tree_id}/cancel")
        assert answer.status_code == 202
        assert (await here.end(tree_id))["status"] == "canceled"
        rest = await here.events(tree_id, starting_after=seen)
        assert [int(frame.id or 0) for frame in rest] == list(range(seen + 1, seen + 1 + len(rest)))
        assert {"tree.resumed", "call.failed", "tree.canceled"} <= {frame.event for frame in rest}
        assert await seqs(here, tree_id) == list(range(1, seen + 1 + len(rest)))


async def test_an_idempotency_key_is_known_to_the_next_server(tmp_path: Path) -> None:
    task, headers = {"goal": "ANSWER"}, {"Idempotency-Key": "k1"}
    async with stored(tmp_path) as here:
        first = await here.http.post("/solve", json=task, headers=headers)
    async with stored(tmp_path) as here:
        again = await here.http.post("/solve", json=task, headers=headers)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.json() == first.json()
        other = await here.http.post("/solve", json={"goal": "VALUE"}, headers=headers)
        assert other.status_code == 422


async def test_a_deleted_tree_leaves_no_key_behind(tmp_path: Path) -> None:
    async with stored(tmp_path) as here:
        headers = {"Idempotency-Key": "k1"}
        body = {"goal": "SPLIT", "context": "x" * 3_000_000, "mode": "recursive"}
        tree = (await here.http.post("/solve", json=body, headers=headers)).json()
        follower = await here.http.get(f"/trees/{tree['tree_id']}/events", params={"deltas": "true"})
        assert follower.status_code == 200
        assert await keys(tmp_path) > 0
        assert (await here.http.delete(f"/trees/{tree['tree_id']}")).status_code == 204
        assert await keys(tmp_path) == 0
        assert (await here.http.get(f"/trees/{tree['tree_id']}")).status_code == 404


async def test_trees_beyond_those_to_keep_leave_no_key_behind(tmp_path: Path) -> None:
    async with stored(tmp_path, retain_trees=0) as here:
        for _ in range(3):
            await here.end(await here.begin("ANSWER", context="some text"))
        while await keys(tmp_path):
            await checkpoint()


async def test_work_waits_while_the_store_is_away_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    async with stored(tmp_path) as here:
        tree_id = await here.stuck()
        valkey = _valkey_pid(tmp_path)
        os.kill(valkey, signal.SIGSTOP)
        try:
            answer = await here.until("/readyz", lambda ready: ready.status_code == 503)
            assert not answer.json()["journal"]["ready"]
            assert answer.json()["journal"]["detail"]
            refused = await here.solve("ANSWER")
            assert refused.status_code == 503
            assert refused.json()["type"] == "urn:rao:problem:store-unavailable"
            assert "Retry-After" in refused.headers
            assert "rao_journal_ready 0" in (await here.http.get("/metrics")).text
        finally:
            os.kill(valkey, signal.SIGCONT)
        await here.until("/readyz", lambda ready: ready.status_code == 200)
        assert (await here.solve("ANSWER")).json()["answer"] == 42
        assert (await here.http.post(f"/trees/{tree_id}/cancel")).status_code == 202
        assert (await here.end(tree_id))["status"] == "canceled"


async def test_a_store_that_dies_is_started_again_and_nothing_is_lost(tmp_path: Path) -> None:
    async with stored(tmp_path) as here:
        tree_id = await here.stuck()
        before = await here.runtime.last_seq(tree_id)
        os.kill(_valkey_pid(tmp_path), signal.SIGKILL)
        tree = (await _answer(here, {"goal": "SPLIT", "mode": "recursive"})).json()
        assert tree["status"] == "completed"
        assert await here.runtime.last_seq(tree_id) == before
        await here.http.post(f"/trees/{tree_id}/cancel")
        assert (await here.end(tree_id))["status"] == "canceled"


async def _answer(here: World, task: dict[str, str]) -> httpx.Response:
    """As a client does: told to come back, it does."""
    while (answer := await here.http.post("/solve", json=task)).status_code == 503:
        await checkpoint()
    return answer


def _valkey_pid(folder: Path) -> int:
    (pid,) = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and str(folder / "valkey.sock") in _command_line(entry)
    ]
    return pid


def _command_line(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_text()
    except OSError:
        return ""
