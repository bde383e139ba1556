"""The pool over HTTP: replicas come and go while trees run."""

from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.script import RuleScript
from rao_runtime.standin.server import StandIn
from server.schemas.replica import Replica, ReplicaListing
from tests.contract.world import World, rule, world


def another() -> StandIn:
    """A replica that the gateway does not know of."""
    return StandIn(StandInConfig(), RuleScript(rule))


def quiet_world() -> AbstractAsyncContextManager[World]:
    """A gateway whose replicas get the calls of trees and no others."""
    return world(prime=False)


async def pool(gateway: World) -> list[dict[str, Any]]:
    """The replicas, each as documented."""
    answer = await gateway.http.get("/replicas")
    assert answer.status_code == 200
    return [each.model_dump() for each in ReplicaListing.model_validate_json(answer.content, strict=True).data]


async def add(gateway: World, url: str, **fields: object) -> httpx.Response:
    """`POST /replicas`."""
    return await gateway.http.post("/replicas", json={"url": url, **fields})


async def until_ready(gateway: World, replica_id: str) -> dict[str, Any]:
    """The replica, once it has answered."""
    answer = await gateway.until(f"/replicas/{replica_id}", lambda answer: answer.json()["state"] == "ready")
    return answer.json()


def refused(answer: httpx.Response, slug: str, status: int) -> dict[str, Any]:
    """The problem, checked to be this one."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["type"], problem["status"], answer.status_code) == (f"urn:rao:problem:{slug}", status, status)
    return problem


async def test_a_replica_of_the_settings_is_listed_and_read() -> None:
    async with world() as gateway:
        await gateway.solve("ANSWER")
        [first] = await pool(gateway)
        assert (first["name"], first["state"], first["why"]) == (gateway.stand_in.url, "ready", None)
        assert (first["slots"], first["in_flight"], first["managed"]) == (gateway.settings.replica_slots, 0, False)
        assert first["models"]
        read = await gateway.http.get(f"/replicas/{first['id']}")
        assert Replica.model_validate_json(read.content, strict=True).name == first["name"]


async def test_what_a_tree_does_there_is_seen() -> None:
    async with quiet_world() as gateway:
        tree_id = await gateway.stuck()
        assert [each["in_flight"] for each in await pool(gateway)] == [1]
        await gateway.http.post(f"/trees/{tree_id}/cancel")
        await gateway.end(tree_id)
        await gateway.until("/replicas", lambda answer: answer.json()["data"][0]["in_flight"] == 0)


async def test_an_added_replica_takes_over_when_the_first_one_is_drained() -> None:
    async with quiet_world() as gateway, another() as second:
        await gateway.solve("ANSWER")
        [first] = await pool(gateway)
        answer = await add(gateway, f"{second.url}/v1/", slots=7)
        added = Replica.model_validate_json(answer.content, strict=True)
        assert (answer.status_code, answer.headers["location"]) == (201, f"/replicas/{added.id}")
        assert (added.name, added.slots, added.managed) == (second.url, 7, False)
        assert (await until_ready(gateway, added.id))["models"] == first["models"]
        assert (await gateway.http.delete(f"/replicas/{first['id']}")).status_code == 202
        assert (await gateway.solve("ANSWER")).json()["answer"] == 42
        assert len(second.ledger.entries) == 1
        assert len(gateway.stand_in.ledger.entries) == 1


async def test_a_replica_without_slots_of_its_own_gets_those_of_the_others() -> None:
    async with world(replica_slots=5) as gateway, another() as second:
        assert (await add(gateway, second.url)).json()["slots"] == 5


async def test_a_drained_replica_keeps_its_calls_and_gets_no_other() -> None:
    async with quiet_world() as gateway, another() as second:
        tree_id = await gateway.stuck()
        [first] = await pool(gateway)
        path = f"/replicas/{first['id']}"
        for _ in range(2):
            answer = await gateway.http.delete(path)
            drained = Replica.model_validate_json(answer.content, strict=True)
            assert (answer.status_code, drained.state, drained.in_flight) == (202, "draining", 1)
        assert (await gateway.http.get(path)).json()["state"] == "draining"
        await until_ready(gateway, (await add(gateway, second.url)).json()["id"])
        assert (await gateway.solve("ANSWER")).json()["status"] == "completed"
        assert gateway.stand_in.ledger.running == 1
        assert (await gateway.http.get(f"/trees/{tree_id}")).json()["status"] == "working"
        await gateway.http.post(f"/trees/{tree_id}/cancel")
        await gateway.end(tree_id)
        gone = await gateway.until(path, lambda answer: answer.status_code == 404)
        refused(gone, "unknown-replica", 404)
        assert [each["name"] for each in await pool(gateway)] == [second.url]


async def test_a_tree_waits_where_the_last_replica_was_drained() -> None:
    async with world() as gateway, another() as second:
        await gateway.solve("ANSWER")
        [first] = await pool(gateway)
        await gateway.http.delete(f"/replicas/{first['id']}")
        await gateway.until(f"/replicas/{first['id']}", lambda answer: answer.status_code == 404)
        assert await pool(gateway) == []
        assert (await gateway.http.get("/readyz")).status_code == 200
        tree_id = await gateway.begin("ANSWER")
        assert (await add(gateway, second.url)).status_code == 201
        assert (await gateway.end(tree_id))["status"] == "completed"


@pytest.mark.parametrize("drained", [False, True])
async def test_a_task_that_names_its_model_waits_where_no_replica_is_left(drained: bool) -> None:
    changes: dict[str, Any] = {} if drained else {"replicas": (), "embedded_engines": 0}
    async with world(**changes) as gateway, another() as second:
        for each in await pool(gateway):
            await gateway.solve("ANSWER")
            await gateway.http.delete(f"/replicas/{each['id']}")
        tree_id = await gateway.begin("ANSWER", model=StandInConfig().models[0])
        assert (await gateway.http.get(f"/trees/{tree_id}")).json()["status"] == "submitted"
        await add(gateway, second.url)
        assert (await gateway.end(tree_id))["answer"] == 42


async def test_the_same_replica_is_not_added_twice() -> None:
    async with world() as gateway:
        [first] = await pool(gateway)
        for url in (gateway.stand_in.url, f"{gateway.stand_in.url}/v1"):
            problem = refused(await add(gateway, url), "replica-known", 409)
            assert problem["replica_id"] == first["id"]
        assert len(await pool(gateway)) == 1


async def test_a_replica_that_is_draining_can_be_added_anew() -> None:
    async with quiet_world() as gateway:
        await gateway.stuck()
        [first] = await pool(gateway)
        await gateway.http.delete(f"/replicas/{first['id']}")
        again = await add(gateway, gateway.stand_in.url)
        assert again.status_code == 201
        assert again.json()["id"] != first["id"]
        assert len(await pool(gateway)) == 2


async def test_a_replica_that_does_not_answer_is_taken_and_is_not_ready() -> None:
    async with another() as second:
        nobody = second.url
    async with world() as gateway:
        answer = await add(gateway, nobody)
        assert answer.status_code == 201
        assert answer.json()["state"] in {"starting", "down"}
        assert answer.json()["models"] == []
        assert (await gateway.solve("ANSWER")).json()["answer"] == 42


@pytest.mark.parametrize("replica_id", ["r99", "nobody", "{x}", "%00", "%2e%2e", "a%20b", "%F0%9F%8C%B3", "x" * 500])
async def test_an_unknown_replica(replica_id: str) -> None:
    async with world() as gateway:
        for method in ("GET", "DELETE"):
            refused(await gateway.http.request(method, f"/replicas/{replica_id}"), "unknown-replica", 404)
        assert len(await pool(gateway)) == 1


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({}, ["url"]),
        ({"url": "host:8000"}, ["url"]),
        ({"url": "ftp://host"}, ["url"]),
        ({"url": "http://user:secret@host"}, ["url"]),
        ({"url": "http://host:0"}, ["url"]),
        ({"url": "http://host?key=secret"}, ["url"]),
        ({"url": 8000}, ["url"]),
        ({"url": "http://host", "slots": 0}, ["slots"]),
        ({"url": "http://host", "slots": "8"}, ["slots"]),
        ({"url": "http://host", "name": "x"}, ["name"]),
    ],
)
async def test_a_replica_that_cannot_be_accepted(fields: dict[str, object], loc: list[str]) -> None:
    async with world() as gateway:
        answer = await gateway.http.post("/replicas", json=fields)
        assert [fault["loc"] for fault in refused(answer, "invalid-request", 422)["errors"]] == [loc]
        assert "secret" not in answer.text
        assert len(await pool(gateway)) == 1


@pytest.mark.parametrize(
    ("body", "content_type", "slug", "status"),
    [
        (b"{", "application/json", "malformed-request", 400),
        (b'{"url": "http://host"}', "text/plain", "unsupported-media-type", 415),
        (b" " * (2 << 20), "application/json", "body-too-large", 413),
        (b'["http://host"]', "application/json", "invalid-request", 422),
        (b"{" + b",".join(b'"f%d":1' % i for i in range(1_000)) + b"}", "application/json", "invalid-request", 422),
    ],
)
async def test_a_body_that_is_no_replica(body: bytes, content_type: str, slug: str, status: int) -> None:
    async with world(max_context_bytes=1 << 19) as gateway:
        answer = await gateway.http.post("/replicas", content=body, headers={"Content-Type": content_type})
        refused(answer, slug, status)
        assert len(answer.content) < 10_000


async def test_a_server_on_its_way_out_adds_none_but_still_drains() -> None:
    async with world() as gateway, another() as second:
        await gateway.app.state.gateway.leave()
        answer = await add(gateway, second.url)
        refused(answer, "overloaded", 503)
        assert int(answer.headers["retry-after"]) >= 1
        [first] = await pool(gateway)
        assert (await gateway.http.delete(f"/replicas/{first['id']}")).status_code == 202


async def test_the_methods_of_the_pool_are_told() -> None:
    async with world() as gateway:
        for path, methods in (
            ("/replicas", "GET, POST, HEAD, OPTIONS"),
            ("/replicas/r1", "GET, DELETE, HEAD, OPTIONS"),
        ):
            assert (await gateway.http.options(path)).headers["allow"] == methods
