"""Every documented error is one that can be had."""

from collections.abc import AsyncGenerator

import httpx
import pytest

from server.problems import KINDS
from tests.contract.world import World, world

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
async def gateway() -> AsyncGenerator[World, None]:
    async with world(max_active_trees=1, max_queued_trees=1, max_context_bytes=1 << 20) as opened:
        yield opened


def told(answer: httpx.Response, slug: str) -> httpx.Response:
    """Check that the answer is this problem, completely."""
    kind = next(kind for kind in KINDS if kind.slug == slug)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert {name: problem[name] for name in ("type", "title", "status")} == {
        "type": kind.urn,
        "title": kind.title,
        "status": kind.status,
    }
    assert answer.status_code == kind.status
    assert problem["detail"]
    assert problem["instance"].startswith("/")
    assert ("errors" in problem) is (kind.status == 422)
    assert answer.headers["x-request-id"]
    return answer


async def test_malformed_json(gateway: World) -> None:
    told(await gateway.http.post("/solve", content=b"{", headers=JSON), "malformed-request")


async def test_a_malformed_key(gateway: World) -> None:
    answer = await gateway.http.post("/solve", json={"goal": "x"}, headers={"Idempotency-Key": "a b"})
    told(answer, "malformed-request")


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "+1", " 1", "9" * 19, "9" * 40, "\u0661", "0x1", "1e3"])
async def test_a_cursor_that_is_none(gateway: World, cursor: str) -> None:
    tree_id = (await gateway.solve("ANSWER")).json()["tree_id"]
    path = f"/trees/{tree_id}/events"
    told(await gateway.http.get(path, params={"starting_after": cursor}), "bad-cursor")
    told(await gateway.http.get(path, headers={b"Last-Event-ID": cursor.encode()}), "bad-cursor")


async def test_an_empty_cursor_in_the_query(gateway: World) -> None:
    tree_id = (await gateway.solve("ANSWER")).json()["tree_id"]
    told(await gateway.http.get(f"/trees/{tree_id}/events?starting_after="), "bad-cursor")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/trees/{}"),
        ("DELETE", "/trees/{}"),
        ("POST", "/trees/{}/cancel"),
        ("GET", "/trees/{}/events"),
        ("GET", "/trees/{}/nodes/n"),
        ("POST", "/trees/{}/nodes/n/cancel"),
    ],
)
@pytest.mark.parametrize("tree_id", ["nobody", "{x}", "%00", "%2e%2e", "a%20b", "%F0%9F%8C%B3", "x" * 500, "a:b"])
async def test_an_unknown_tree(gateway: World, method: str, path: str, tree_id: str) -> None:
    told(await gateway.http.request(method, path.format(tree_id)), "unknown-tree")


@pytest.mark.parametrize("node_id", ["nobody", "%00", "x" * 500])
async def test_an_unknown_node(gateway: World, node_id: str) -> None:
    tree_id = (await gateway.solve("ANSWER")).json()["tree_id"]
    told(await gateway.http.get(f"/trees/{tree_id}/nodes/{node_id}"), "unknown-node")
    told(await gateway.http.post(f"/trees/{tree_id}/nodes/{node_id}/cancel"), "unknown-node")
    told(await gateway.http.get(f"/trees/{tree_id}/events?node={node_id}"), "unknown-node")


@pytest.mark.parametrize("path", ["/", "/nothing", "/solve/", "/trees/", "/trees/x/", "//trees", "/TREES", "/docs"])
async def test_an_unknown_path(gateway: World, path: str) -> None:
    told(await gateway.http.get(path), "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/solve", {"POST", "OPTIONS"}),
        ("PUT", "/trees/x", {"GET", "HEAD", "DELETE", "OPTIONS"}),
        ("POST", "/trees", {"GET", "HEAD", "OPTIONS"}),
        ("HEAD", "/solve", {"POST", "OPTIONS"}),
        ("BREW", "/livez", {"GET", "HEAD", "OPTIONS"}),
    ],
)
async def test_a_method_that_a_path_does_not_have(gateway: World, method: str, path: str, allowed: set[str]) -> None:
    answer = await gateway.http.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed
    if method != "HEAD":
        told(answer, "method-not-allowed")


async def test_options_tells_the_methods(gateway: World) -> None:
    answer = await gateway.http.options("/trees/x")
    assert answer.status_code == 204
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "DELETE", "OPTIONS"}


async def test_deleting_a_running_tree(gateway: World) -> None:
    tree_id = await gateway.stuck()
    told(await gateway.http.delete(f"/trees/{tree_id}"), "tree-running")
    await gateway.http.post(f"/trees/{tree_id}/cancel")
    await gateway.end(tree_id)


async def test_a_body_that_is_too_large(gateway: World) -> None:
    async def chunks() -> AsyncGenerator[bytes, None]:
        for _ in range(40):
            yield b" " * (64 << 10)

    told(await gateway.http.post("/solve", content=b" " * (3 << 20), headers=JSON), "body-too-large")
    told(await gateway.http.post("/solve", content=chunks(), headers=JSON), "body-too-large")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_a_body_that_is_not_json(gateway: World, content_type: str) -> None:
    answer = await gateway.http.post("/solve", content=b'{"goal": "x"}', headers={"Content-Type": content_type})
    told(answer, "unsupported-media-type")


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"limits": {"max_depth": 33}}, ["limits", "max_depth"]),
        ({"limits": {"max_nodes": 100_001}}, ["limits", "max_nodes"]),
        ({"limits": {"max_nodes": 0}}, ["limits", "max_nodes"]),
        ({"limits": {"max_children": 10_001}}, ["limits", "max_children"]),
        ({"limits": {"max_turns": 1_001}}, ["limits", "max_turns"]),
        ({"limits": {"max_tokens": 10**9 + 1}}, ["limits", "max_tokens"]),
        ({"limits": {"deadline_s": 86_401}}, ["limits", "deadline_s"]),
        ({"limits": {"max_cost": "1"}}, ["limits", "max_cost"]),
        ({"model": "nobody's"}, ["model"]),
        ({"tools": ["nobody's"]}, ["tools", 0]),
        ({"answer_schema": {"type": "nonsense"}}, ["answer_schema"]),
        ({"check": "lambda answer: True ("}, ["check"]),
        ({"context": "x" * ((1 << 20) + 1)}, ["context"]),
        ({"unknown": 1}, ["unknown"]),
        ({"stream": "yes"}, ["stream"]),
    ],
)
async def test_a_task_that_cannot_be_accepted(gateway: World, fields: dict[str, object], loc: list[object]) -> None:
    # The replica has told what it serves once it has been asked anything.
    await gateway.solve("ANSWER")
    problem = told(await gateway.solve("ANSWER", **fields), "invalid-request").json()
    assert loc[0] in {fault["loc"][0] for fault in problem["errors"]}
    assert loc in [fault["loc"][: len(loc)] for fault in problem["errors"]]


@pytest.mark.parametrize(
    ("path", "loc"),
    [
        ("/trees?limit=0", ["query", "limit"]),
        ("/trees?limit=201", ["query", "limit"]),
        ("/trees?limit=many", ["query", "limit"]),
        ("/trees?status=sleeping", ["query", "status"]),
        ("/trees/x?nodes=perhaps", ["query", "nodes"]),
        ("/trees/x/events?depth=-1", ["query", "depth"]),
        ("/trees/x/events?deltas=perhaps", ["query", "deltas"]),
        ("/trees/x/events?types=node.completed,node.eaten", ["query", "types"]),
        ("/trees/x/events?types=", ["query", "types"]),
    ],
)
async def test_parameters_that_cannot_be_accepted(gateway: World, path: str, loc: list[str]) -> None:
    problem = told(await gateway.http.get(path), "invalid-request").json()
    assert [fault["loc"] for fault in problem["errors"]] == [loc]


@pytest.mark.parametrize("after", ["x", "\x00", "9" * 400, "{}"])
async def test_a_page_after_a_cursor_that_is_none(gateway: World, after: str) -> None:
    told(await gateway.http.get("/trees", params={"after": after}), "invalid-request")


async def test_a_key_with_another_body(gateway: World) -> None:
    key = {"Idempotency-Key": "once"}
    first = await gateway.http.post("/solve", json={"goal": "ANSWER"}, headers=key)
    assert first.status_code == 200
    told(await gateway.http.post("/solve", json={"goal": "OTHER"}, headers=key), "idempotency-key-reused")


async def test_a_queue_that_is_full(gateway: World) -> None:
    running, queued = await gateway.stuck(), await gateway.begin("ANSWER")
    answer = told(await gateway.solve("ANSWER"), "overloaded")
    assert int(answer.headers["retry-after"]) >= 1
    assert (await gateway.http.get("/livez")).status_code == 200
    assert (await gateway.http.get(f"/trees/{running}")).json()["status"] == "working"
    assert (await gateway.http.get(f"/trees/{queued}")).json()["status"] == "submitted"
    assert (await gateway.http.post(f"/trees/{running}/cancel")).status_code == 202
    assert (await gateway.end(running))["status"] == "canceled"
    assert (await gateway.end(queued))["status"] == "completed"


async def test_an_unforeseen_error_says_nothing_of_the_inside() -> None:
    async def broken() -> None:
        raise RuntimeError("the password is swordfish")

    async with world() as gateway:
        gateway.app.add_api_route("/broken", broken)
        answer = told(await gateway.http.get("/broken"), "internal-error")
    assert "swordfish" not in answer.text


async def test_a_server_on_its_way_out_is_alive_but_not_ready() -> None:
    async with world() as gateway:
        assert (await gateway.http.get("/readyz")).json()["ready"] is True
        await gateway.app.state.gateway.leave()
        answer = told(await gateway.http.get("/readyz"), "not-ready")
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["ready"] is False
        assert (await gateway.http.get("/livez")).status_code == 200
        told(await gateway.solve("ANSWER"), "overloaded")
