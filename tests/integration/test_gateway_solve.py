"""`POST /solve` and what can be done with a tree, on the real engine."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from rao_runtime.core.ids import root_id
from server.app import create_app
from server.waiting import ended_within
from tests.contract.world import frames, served, world

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_a_task_is_solved_while_its_client_waits() -> None:
    async with world() as gateway:
        answer = await gateway.solve("ANSWER", metadata={"team": "search"})
        tree = answer.json()
        assert answer.status_code == 200
        assert answer.headers["location"] == tree["links"]["self"] == f"/trees/{tree['tree_id']}"
        assert (tree["status"], tree["answer"], tree["error"]) == ("completed", 42, None)
        assert tree["metadata"] == {"team": "search"}
        assert tree["usage"]["calls"] == len(gateway.stand_in.ledger.entries) == 1
        assert (await gateway.http.get(answer.headers["location"])).json() == tree


async def test_a_tree_that_failed_is_an_answer_too() -> None:
    async with world() as gateway:
        answer = await gateway.solve("GIVE UP")
    assert answer.status_code == 200
    assert answer.json()["status"] == "failed"
    assert answer.json()["error"]["reason"] == "unable"
    assert answer.json()["error"]["kind"] == "impossible"


async def test_an_answer_may_be_any_json_value() -> None:
    async with world() as gateway:
        tree = (await gateway.solve("VALUE")).json()
        events = await gateway.events(tree["tree_id"])
    assert tree["answer"] == events[-1].data["data"]["answer"] == {"a": [1.5, None, True, "\u2028 \n", 2**63 - 1]}


async def test_who_does_not_want_to_wait_is_told_where_to_look() -> None:
    async with world() as gateway:
        answer = await gateway.http.post("/solve", json={"goal": "ANSWER"}, headers={"Prefer": "respond-async"})
        assert answer.status_code == 202
        assert answer.headers["preference-applied"] == "respond-async"
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["status"] in {"submitted", "working"}
        tree = await gateway.end(answer.json()["tree_id"])
        assert (await gateway.http.get(answer.headers["location"])).json() == tree
    assert tree["status"] == "completed"


@pytest.mark.parametrize(("prefer", "applied"), [({}, None), ({"Prefer": "wait=0"}, "wait=0")])
async def test_a_wait_that_is_over_leaves_the_tree_running(prefer: dict[str, str], applied: str | None) -> None:
    async with world(sync_wait_s=0.05) as gateway:
        answer = await gateway.http.post("/solve", json={"goal": "STUCK"}, headers=prefer)
        assert answer.status_code == 202
        assert answer.headers.get("preference-applied") == applied
        tree_id = answer.json()["tree_id"]
        await gateway.stand_in.ledger.until(lambda ledger: ledger.running == 1)
        assert (await gateway.http.get(f"/trees/{tree_id}")).json()["status"] == "working"


def request(messages: asyncio.Queue[Message]) -> Request:
    return Request({"type": "http", "method": "POST", "path": "/solve", "headers": []}, messages.get)


async def test_a_client_that_leaves_is_not_waited_for_and_its_tree_goes_on() -> None:
    async with world() as gateway:
        tree_id = await gateway.stuck()
        messages = asyncio.Queue[Message]()
        messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        messages.put_nowait({"type": "http.disconnect"})
        state = gateway.app.state.gateway
        async with asyncio.timeout(5):
            assert await ended_within(state, request(messages), tree_id, 60) is None
        assert (await gateway.http.get(f"/trees/{tree_id}")).json()["status"] == "working"


async def test_nobody_is_waited_for_once_the_server_leaves() -> None:
    async with world() as gateway:
        tree_id = await gateway.stuck()
        state = gateway.app.state.gateway
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            waiting = group.create_task(ended_within(state, request(asyncio.Queue()), tree_id, 60))
            group.create_task(state.leave())
    assert waiting.result() is None


async def test_an_error_while_waiting_arrives_as_it_is() -> None:
    async with world() as gateway:
        answer = await gateway.solve("ANSWER")
        state, tree_id = gateway.app.state.gateway, answer.json()["tree_id"]
        await gateway.http.delete(f"/trees/{tree_id}")
        with pytest.raises(Exception, match=f"no tree {tree_id}"):
            await ended_within(state, request(asyncio.Queue()), tree_id, 60)


async def test_a_closed_connection_does_not_cancel_the_tree() -> None:
    async with world() as gateway, served(gateway.app, gateway.settings) as (_, http):
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(http.post("/solve", json={"goal": "STUCK"}))
            await gateway.stand_in.ledger.until(lambda ledger: ledger.running == 1)
            waiting.cancel()
        (tree,) = (await http.get("/trees")).json()["data"]
        assert tree["status"] == "working"
        assert (await http.post(tree["links"]["cancel"])).status_code == 202
        assert (await gateway.end(tree["tree_id"]))["status"] == "canceled"


# --- the same request twice ------------------------------------------------------------------------------------------


async def test_a_key_leads_to_the_same_tree() -> None:
    async with world() as gateway:
        key = {"Idempotency-Key": "once"}
        first = await gateway.http.post("/solve", json={"goal": "ANSWER", "priority": 0}, headers=key)
        again = await gateway.http.post("/solve", json={"goal": "ANSWER"}, headers=key)
        streamed = await gateway.http.post("/solve", json={"goal": "ANSWER", "stream": True}, headers=key)
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == streamed.headers["idempotency-replayed"] == "true"
        assert again.json() == first.json()
        assert frames(streamed.text)[-1].data["tree_id"] == first.json()["tree_id"]
        assert len((await gateway.http.get("/trees")).json()["data"]) == 1


async def test_a_hundred_at_once_with_one_key_are_one_tree() -> None:
    async with world() as gateway:
        key = {"Idempotency-Key": "once"}
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(gateway.http.post("/solve", json={"goal": "ANSWER"}, headers=key)) for _ in range(100)
            ]
        answers = [task.result() for task in tasks]
        assert len({answer.json()["tree_id"] for answer in answers}) == 1
        assert [answer.headers.get("idempotency-replayed") for answer in answers].count(None) == 1
        assert len(gateway.stand_in.ledger.entries) == 1


async def test_deleting_a_tree_frees_its_key() -> None:
    async with world() as gateway:
        key = {"Idempotency-Key": "once"}
        first = await gateway.http.post("/solve", json={"goal": "ANSWER"}, headers=key)
        path = first.headers["location"]
        assert (await gateway.http.delete(path)).status_code == 204
        assert (await gateway.http.get(path)).status_code == 404
        assert (await gateway.http.delete(path)).status_code == 404
        second = await gateway.http.post("/solve", json={"goal": "OTHER"}, headers=key)
        assert second.status_code == 200
        assert second.headers["location"] != path


async def test_the_callers_trace_goes_on() -> None:
    async with world() as gateway:
        mine = await gateway.http.post("/solve", json={"goal": "ANSWER"}, headers={"traceparent": TRACE})
        other = await gateway.solve("ANSWER")
    assert mine.json()["trace_id"] == TRACE.split("-")[1]
    assert other.json()["trace_id"] != TRACE.split("-")[1]


# --- looking and stopping --------------------------------------------------------------------------------------------


async def test_trees_are_listed_page_by_page_newest_first() -> None:
    async with world() as gateway:
        made = [(await gateway.solve("ANSWER")).json()["tree_id"] for _ in range(5)]
        seen, query = list[str](), {"limit": "2"}
        while True:
            page = (await gateway.http.get("/trees", params=query)).json()
            seen += [tree["tree_id"] for tree in page["data"]]
            if not page["has_more"]:
                break
            query["after"] = page["next_cursor"]
        assert seen == made[::-1]
        assert page["next_cursor"] is None
        failed = (await gateway.solve("GIVE UP")).json()["tree_id"]
        answer = await gateway.until("/trees?status=failed", lambda answer: bool(answer.json()["data"]))
        assert [tree["tree_id"] for tree in answer.json()["data"]] == [failed]


async def test_nodes_come_nested_and_one_by_one() -> None:
    async with world() as gateway:
        tree: dict[str, Any] = (await gateway.solve("SPLIT", mode="recursive")).json()
        path = tree["links"]["self"]
        assert tree["answer"] == [42, [42, 42]]
        assert "tree" not in tree
        root = (await gateway.http.get(f"{path}?nodes=true")).json()["tree"]
        assert root["node_id"] == root_id(tree["tree_id"])
        assert [child["answer"] for child in root["children"]] == [42, [42, 42]]
        assert len(root["children"][1]["children"]) == 2
        assert root["subtree_usage"] == tree["usage"]
        node = (await gateway.http.get(f"{path}/nodes/{root['children'][1]['node_id']}")).json()
        assert node["children"] == [child["node_id"] for child in root["children"][1]["children"]]
        assert "launch_subagent" in node["turns"][0]["code"]


async def test_a_cancel_is_accepted_as_often_as_it_comes() -> None:
    async with world() as gateway:
        tree_id = await gateway.stuck()
        for _ in range(3):
            answer = await gateway.http.post(f"/trees/{tree_id}/cancel")
            assert answer.status_code == 202
            assert answer.json()["tree_id"] == tree_id
        tree = await gateway.end(tree_id)
        assert (tree["status"], tree["error"]["reason"]) == ("canceled", "canceled")
        assert (await gateway.http.post(f"/trees/{tree_id}/cancel")).json() == tree
        await gateway.stand_in.ledger.until(lambda ledger: ledger.running == 0)


async def test_a_parent_goes_on_without_a_cancelled_child() -> None:
    async with world() as gateway:
        tree_id = await gateway.begin("HALF STUCK", mode="recursive")
        await gateway.stand_in.ledger.until(lambda ledger: ledger.running == 1 and ledger.arrivals == 3)
        root = (await gateway.http.get(f"/trees/{tree_id}?nodes=true")).json()["tree"]
        (stuck,) = (child["node_id"] for child in root["children"] if child["goal"] == "STUCK")
        answer = await gateway.http.post(f"/trees/{tree_id}/nodes/{stuck}/cancel")
        assert answer.status_code == 202
        tree = await gateway.end(tree_id)
    assert (tree["status"], tree["answer"]) == ("completed", [42, "canceled"])


# --- the server itself -----------------------------------------------------------------------------------------------


async def test_models_tools_and_metrics_are_told() -> None:
    async with world() as gateway:
        await gateway.solve("ANSWER")
        (model,) = (await gateway.http.get("/models")).json()["data"]
        assert model["id"] == "stand-in"
        tools = (await gateway.http.get("/tools")).json()["data"]
        assert [tool["name"] for tool in tools] == ["craft", "get_info"]
        ended = 'rao_trees_total{status="completed"} 1.0'
        metrics = await gateway.until("/metrics", lambda answer: ended in answer.text)
        assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")


async def test_with_no_replica_up_trees_queue_and_reads_and_cancels_work() -> None:
    async with world(replicas=("http://127.0.0.1:1",)) as gateway:
        answer = await gateway.http.post("/solve", json={"goal": "ANSWER"}, headers={"Prefer": "wait=0"})
        path = answer.headers["location"]
        assert answer.status_code == 202
        assert (await gateway.http.get("/readyz")).status_code == 200
        assert (await gateway.http.get(path)).json()["status"] in {"submitted", "working"}
        assert (await gateway.http.post(f"{path}/cancel")).status_code == 202
        assert (await gateway.end(answer.json()["tree_id"]))["status"] == "canceled"


async def test_the_app_opens_its_own_runtime_where_it_is_given_none() -> None:
    async with world() as gateway, served(create_app(gateway.settings), gateway.settings) as (_, http):
        assert (await http.post("/solve", json={"goal": "ANSWER"})).json()["answer"] == 42
