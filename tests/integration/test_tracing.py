"""Traces as a collector gets them from a gateway that works on trees."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import httpx

from rao_runtime.core.ids import post_span_id, root_id
from rao_runtime.core.pricing import Price
from rao_runtime.core.profile import Profile
from tests.contract.world import World, frames, served, world
from tests.integration.otlp_receiver import Receiver, Trace, receiver

CALLER, CALLERS_SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
KEPT, LEFT = (f"00-{CALLER}-{CALLERS_SPAN}-{flags}" for flags in ("01", "00"))
PRICED = Profile(
    model="stand-in",
    prices=(Price(input=Decimal(3), output=Decimal(15), cached_input=Decimal("0.3"), version="v1"),),
)

# What a tree of the goal SPLIT comes to: five nodes of one turn, a call and a cell each, and the request.
SPLIT_NODES, SPLIT_SPANS = 5, 16


@asynccontextmanager
async def traced(
    environ: Mapping[str, str] | None = None,
    **changes: Any,  # noqa: ANN401 - whatever settings hold
) -> AsyncGenerator[tuple[World, Receiver], None]:
    async with receiver() as collector, world(environ={**collector.environ, **(environ or {})}, **changes) as gateway:
        yield gateway, collector


async def one_more(gateway: World, collector: Receiver) -> None:
    """Once this tree's spans are there, those of all before it are."""
    tree = (await gateway.solve("ANSWER")).json()
    await collector.trace(tree["trace_id"], 4)


def parents(node: Mapping[str, Any]) -> dict[str, str | None]:
    """Each node's parent."""
    found = {node["node_id"]: node["parent_id"]}
    for child in node["children"]:
        found |= parents(child)
    return found


def parents_by_spans(trace: Trace) -> dict[str, str | None]:
    return {
        node_id: None if span.parent_id == trace.post.span_id else trace.by_id[str(span.parent_id)].node_id
        for node_id, span in trace.nodes.items()
    }


async def test_a_tree_is_one_trace_below_the_request_that_asked_for_it() -> None:
    async with traced(profiles=(PRICED,)) as (gateway, collector):
        tree = (await gateway.solve("SPLIT", mode="recursive")).json()
        trace = await collector.trace(tree["trace_id"], SPLIT_SPANS)
        nodes = (await gateway.http.get(tree["links"]["self"], params={"nodes": "true"})).json()["tree"]
    trace.check()
    assert len(trace.spans) == SPLIT_SPANS
    assert parents_by_spans(trace) == parents(nodes)
    assert len(trace.named("chat")) == len(trace.named("execute_tool")) == tree["nodes"]["total"] == SPLIT_NODES
    spent = sum(Decimal(span.attributes.get("rao.cost.usd", "0")) for span in trace.spans)
    assert spent == Decimal(tree["cost"]["amount"]) > 0
    for kind, field in (("input_tokens", "input"), ("output_tokens", "output"), ("cache_read.input_tokens", "cached")):
        told = sum(span.attributes.get(f"gen_ai.usage.{kind}", 0) for span in trace.spans)
        assert told == tree["usage"][f"{field}_tokens"], kind
    assert {span.service for span in trace.spans} == {"rao"}
    assert not any(span.failed for span in trace.spans)


async def test_the_requests_span_says_what_was_asked_and_answered() -> None:
    async with traced() as (gateway, collector), served(gateway.app, gateway.settings) as (server, http):
        tree = (await http.post("/solve", json={"goal": "ANSWER"})).json()
        post = (await collector.trace(tree["trace_id"], 4)).post
        port = int(server.url.rsplit(":", 1)[1])
    assert post.span_id == post_span_id(tree["tree_id"])
    assert post.parent_id is None
    assert post.attributes == {
        "http.request.method": "POST",
        "http.route": "/solve",
        "http.response.status_code": 200,
        "url.path": "/solve",
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "server.port": port,
        "network.protocol.version": "1.1",
        "user_agent.original": f"python-httpx/{httpx.__version__}",
        "rao.tree.id": tree["tree_id"],
    }


async def test_a_callers_trace_is_joined_and_handed_on_to_the_replica() -> None:
    async with traced() as (gateway, collector):
        split = {"goal": "SPLIT", "mode": "recursive"}
        answer = await gateway.http.post("/solve", json=split, headers={"traceparent": KEPT})
        assert answer.json()["trace_id"] == CALLER
        trace = await collector.trace(CALLER, SPLIT_SPANS)
        asked = [entry.traceparent for entry in gateway.stand_in.ledger.entries]
    trace.check(caller=CALLERS_SPAN)
    assert sorted(asked) == sorted(f"00-{CALLER}-{span.span_id}-01" for span in trace.named("chat"))


async def test_a_trace_that_its_caller_left_out_is_left_out_and_handed_on_as_it_is() -> None:
    async with traced(trace_url="http://jaeger/trace/{trace_id}") as (gateway, collector):
        tree = (await gateway.http.post("/solve", json={"goal": "ANSWER"}, headers={"traceparent": LEFT})).json()
        await one_more(gateway, collector)
        assert gateway.stand_in.ledger.entries[0].traceparent == LEFT
        assert CALLER not in {span.trace_id for span in collector.spans}
    assert tree["trace_id"] == CALLER
    assert tree["links"]["trace"] is None


async def test_a_share_of_nothing_leaves_out_all_but_what_callers_want() -> None:
    nothing = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}
    async with traced(nothing) as (gateway, collector):
        await gateway.solve("ANSWER")
        await gateway.http.post("/solve", json={"goal": "ANSWER"}, headers={"traceparent": KEPT})
        await collector.trace(CALLER, 4)
        assert {span.trace_id for span in collector.spans} == {CALLER}


async def test_the_span_of_who_does_not_wait_ends_with_the_answer() -> None:
    async with traced() as (gateway, collector):
        tree_id = await gateway.stuck()
        await collector.until(lambda found: len(found.spans) == 1)
        (post,) = collector.spans
        assert (post.name, post.attributes["http.response.status_code"]) == ("POST /solve", 202)
        await gateway.http.post(f"/trees/{tree_id}/cancel")
        await gateway.end(tree_id)
        trace = await collector.trace(post.trace_id, 3)
    trace.check()
    assert trace.nodes[root_id(tree_id)].failed
    assert trace.nodes[root_id(tree_id)].end > post.end


async def test_the_span_of_a_stream_ends_when_it_closes() -> None:
    async with traced() as (gateway, collector):
        answer = await gateway.http.post("/solve", json={"goal": "ANSWER", "stream": True})
        tree_id = frames(answer.text)[-1].data["tree_id"]
        await collector.until(lambda found: len(found.spans) == 4)
        trace = Trace(collector.spans)
    trace.check()
    assert trace.post.end >= trace.nodes[root_id(tree_id)].end


async def test_a_client_that_leaves_has_its_span() -> None:
    async with traced() as (gateway, collector), served(gateway.app, gateway.settings) as (_, http):
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(http.post("/solve", json={"goal": "STUCK"}))
            await gateway.stand_in.ledger.until(lambda ledger: ledger.running == 1)
            waiting.cancel()
        await collector.until(lambda found: len(found.spans) == 1)
        (tree,) = (await http.get("/trees")).json()["data"]
        assert collector.spans[0].span_id == post_span_id(tree["tree_id"])
        await http.post(tree["links"]["cancel"])
        await gateway.end(tree["tree_id"])


async def test_a_request_that_is_repeated_has_a_span_that_points_to_the_first() -> None:
    async with traced() as (gateway, collector):
        key = {"Idempotency-Key": "once"}
        first = (await gateway.http.post("/solve", json={"goal": "ANSWER"}, headers=key)).json()
        again = {**key, "traceparent": KEPT}
        await gateway.http.post("/solve", json={"goal": "ANSWER"}, headers=again)
        await gateway.http.post("/solve", json={"goal": "ANSWER"}, headers=key)
        await collector.until(lambda found: len(found.spans) == 6)
        trace = await collector.trace(first["trace_id"], 4)
        (replay,) = (await collector.trace(CALLER, 1)).spans
    trace.check()
    assert replay.parent_id == CALLERS_SPAN
    assert replay.attributes["rao.tree.id"] == first["tree_id"]
    assert replay.attributes["rao.idempotency.replayed"] is True
    assert replay.links == [(first["trace_id"], trace.post.span_id)]
    (alone,) = [span for span in collector.spans if span.trace_id not in {CALLER, first["trace_id"]}]
    assert (alone.parent_id, alone.links) == (None, replay.links)
    assert len({span.span_id for span in collector.spans}) == 6


async def test_a_refused_request_has_a_span_of_its_own_and_only_the_servers_failures_are_failures() -> None:
    async with traced() as (gateway, collector):
        assert (await gateway.http.post("/solve", json={"goal": ""}, headers={"traceparent": KEPT})).status_code == 422
        (refused,) = (await collector.trace(CALLER, 1)).spans
        assert (await gateway.http.post("/solve", content=b"{", headers={"traceparent": "nonsense"})).status_code == 415
        await gateway.app.state.gateway.leave()
        assert (await gateway.solve("ANSWER")).status_code == 503
        await collector.until(lambda found: len(found.spans) == 3)
        _, malformed, full = collector.spans
    assert (refused.parent_id, refused.failed) == (CALLERS_SPAN, False)
    assert refused.attributes["http.response.status_code"] == 422
    assert (malformed.parent_id, malformed.failed) == (None, False)
    assert (full.failed, full.attributes["error.type"]) == (True, "503")
    assert not any("rao.tree.id" in span.attributes for span in (refused, malformed, full))
    assert len({span.span_id for span in collector.spans}) == len({span.trace_id for span in collector.spans}) == 3


async def test_other_requests_have_no_spans() -> None:
    async with traced() as (gateway, collector):
        for path in ("/livez", "/trees", "/solve"):
            await gateway.http.get(path)
        await one_more(gateway, collector)
        assert len(collector.spans) == 4


async def test_texts_are_told_only_where_that_is_asked_for() -> None:
    switch = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
    for value, told in (("false", False), ("true", True)):
        async with traced({switch: value}) as (gateway, collector):
            await one_more(gateway, collector)
            everything = b"".join(span.wire for span in collector.spans)
        assert (b"finish(42)" in everything) is told


async def test_a_tree_links_to_its_trace_wherever_it_is_shown() -> None:
    async with traced(trace_url="http://jaeger:16686/trace/{trace_id}?uiFind=x") as (gateway, collector):
        tree = (await gateway.solve("ANSWER")).json()
        shown = [tree, (await gateway.http.get(tree["links"]["self"])).json()]
        shown.append((await gateway.events(tree["tree_id"]))[-1].data["data"])
        shown += (await gateway.http.get("/trees")).json()["data"]
        await collector.trace(tree["trace_id"], 4)
    assert {each["links"]["trace"] for each in shown} == {f"http://jaeger:16686/trace/{tree['trace_id']}?uiFind=x"}


async def test_a_server_that_does_not_trace_sends_nothing_and_links_nowhere() -> None:
    async with receiver() as collector, world(environ={}, trace_url="http://jaeger/{trace_id}") as gateway:
        tree = (await gateway.http.post("/solve", json={"goal": "ANSWER"}, headers={"traceparent": KEPT})).json()
        assert gateway.stand_in.ledger.entries[0].traceparent == KEPT
        assert not gateway.runtime.tracing.on
    assert tree["links"]["trace"] is None
    assert collector.asked == []
