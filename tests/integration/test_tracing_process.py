"""Traces of gateways as processes: killed and started again, stopped, and started with variables that make no sense."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import Popen

import httpx

from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.request import ChatRequest
from rao_runtime.standin.script import Reply, RuleScript
from rao_runtime.standin.server import StandIn
from tests.contract.processes import program
from tests.contract.world import rule
from tests.integration.otlp_receiver import Receiver, Trace, receiver

LEAVES_WITHIN_S = 10
DEADLINE_S = 90


class Replica:
    """Answers as `rule` says until it is told to let those go that are stuck."""

    def __init__(self) -> None:
        self.stuck = True

    def __call__(self, request: ChatRequest) -> Reply:
        reply = rule(request)
        return Reply(text="<python>\nfinish('late')\n</python>") if reply.fault and not self.stuck else reply


@asynccontextmanager
async def gateway(
    folder: Path, replica: str, collector: Receiver
) -> AsyncGenerator[tuple[Popen[str], httpx.AsyncClient]]:
    settings = {
        "RAO_REPLICAS": replica,
        "RAO_PORT": "0",
        "RAO_SANDBOX_WORKERS": "1",
        "RAO_DATA_DIR": str(folder),
        "RAO_PRIME": "false",
    }
    # Reading what it prints first blocks, and the collector is in this process.
    started = program("server", **settings, **collector.environ)
    process, url = await asyncio.to_thread(started.__enter__)
    try:
        async with httpx.AsyncClient(base_url=url, timeout=30) as http:
            yield process, http
    finally:
        started.__exit__(None, None, None)


async def test_a_tree_that_outlives_its_server_is_one_whole_trace(tmp_path: Path) -> None:
    answers = Replica()
    async with (
        asyncio.timeout(DEADLINE_S),
        receiver() as collector,
        StandIn(StandInConfig(), RuleScript(answers)) as stand_in,
    ):
        async with gateway(tmp_path, stand_in.url, collector) as (process, http):
            task = {"goal": "HALF STUCK", "mode": "recursive"}
            tree = (await http.post("/solve", json=task, headers={"Prefer": "respond-async"})).json()
            await collector.until(lambda found: {span.name for span in found.spans} >= {"POST /solve"})
            while (await http.get(tree["links"]["self"])).json()["nodes"]["completed"] == 0:
                pass
            await stand_in.ledger.until(lambda ledger: ledger.running == 1)
            process.send_signal(signal.SIGKILL)
            process.wait()
        answers.stuck = False
        async with gateway(tmp_path, stand_in.url, collector) as (process, http):
            while (tree := (await http.get(tree["links"]["self"])).json())["timing"]["ended_at"] is None:
                pass
            nodes = (await http.get(tree["links"]["self"], params={"nodes": "true"})).json()["tree"]
            process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(process.wait, LEAVES_WITHIN_S)
        trace = Trace([span for span in collector.spans if span.trace_id == tree["trace_id"]])
    assert tree["status"] == "completed"
    trace.check()
    assert set(trace.nodes) == {nodes["node_id"], *(child["node_id"] for child in nodes["children"])}
    failed = [span for span in trace.named("chat") if span.failed]
    # The stuck call's first attempt; another one is in its place.
    assert [span.attributes["error.type"] for span in failed] == ["interrupted"]
    assert len(trace.named("chat")) == len(trace.nodes) + 1


async def test_a_server_leaves_in_time_though_its_collector_does_not_answer(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(DEADLINE_S),
        receiver() as collector,
        StandIn(StandInConfig(), RuleScript(rule)) as stand_in,
    ):
        collector.held.clear()
        async with gateway(tmp_path, stand_in.url, collector) as (process, http):
            assert (await http.post("/solve", json={"goal": "ANSWER"})).json()["status"] == "completed"
            await collector.until_asked()
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, LEAVES_WITHIN_S) in {0, -signal.SIGTERM}
        collector.held.set()


async def test_variables_that_make_no_sense_end_it_with_a_sentence() -> None:
    variables = {"RAO_REDIS_URL": "memory://", "RAO_PORT": "0", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "server",
        env={**os.environ, **variables, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(DEADLINE_S):
        _, told = await process.communicate()
    assert process.returncode == 1
    assert told.decode().splitlines()[-1].startswith("OTEL_EXPORTER_OTLP_PROTOCOL (environment): 'grpc' is not")
    assert b"Traceback" not in told
