"""Models that write nonsense, and replicas that break: each node copes or ends with a reason, and the process lives.

Everything is real here: sockets, the gateway under uvicorn, Monty's workers, a replica that speaks HTTP.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from rao_runtime.bootstrap import open_runtime
from rao_runtime.config import Settings
from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.request import ChatRequest
from rao_runtime.standin.script import Reply, RuleScript
from rao_runtime.standin.server import StandIn
from rao_runtime.standin.view import View
from server.app import create_app
from tests.contract.world import served

LIVEZ_S = 1.0

# By goal: what the model writes in each of its turns; the last one is repeated.
CELLS: Mapping[str, list[str]] = {
    "endless loop": ["while True:\n    pass", "finish('out of the loop')"],
    "endless loop that swallows errors": [
        "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass",
        "finish('out of the loop')",
    ],
    "gigabytes of output": ["while True:\n    print('x' * 100_000)", "finish('quiet again')"],
    "gigabytes of memory": ["x = [0]\nwhile True:\n    x = x + x", "finish('small again')"],
    "a cycle": ["x = []\nx.append(x)\nfinish(x)", "finish('straight')"],
    "a function": ["finish(lambda: 1)", "finish('a value')"],
    "a set": ["finish({1, 2})", "finish(sorted({1, 2}))"],
    "not a number": ["finish(float('nan'))", "finish(0)"],
    "an answer of megabytes": ["finish('x' * 3_000_000)", "finish('short')"],
    "a syntax error": ["def (", "finish('mended')"],
    "deep nesting": ["(" * 5_000 + ")" * 5_000, "finish('flat')"],
    "deep recursion": ["def f():\n    return f()\nf()", "finish('shallow')"],
    "a discarded launch": ["launch_subagent('x')\nprint(1)", "finish('kept')"],
    "an unawaited launch": ["h = launch_subagent('slow')", "finish('gone')"],
    "a launch of nothing": ["r = await launch_subagent('')", "finish('said so')"],
    "a forbidden import": ["import os\nprint(os.environ)", "finish('none')"],
    "a file": ["print(open('/etc/passwd').read())", "finish('none')"],
    "forks without end": [
        "import asyncio\nfinish(len(await asyncio.gather(*[launch_subagent('forks without end') for _ in range(50)])))"
    ],
    "calls without end": ["while True:\n    publish(1)", "finish('stopped')"],
    "slow": ["x = 0\nfor i in range(10_000_000_000):\n    x += i"],
}

TEXTS: Mapping[str, list[str]] = {
    "garbage": ["\x00\x01 <python <<thought>> ``` </python></python>", "<python>\nfinish('clean')\n</python>"],
    "no code": ["I would rather not.", "<python>\nfinish('after all')\n</python>"],
    "never any code": ["I would rather not."],
    "endless code": ["<python>\n" + "x = 1\n" * 5_000, "<python>\nfinish('short')\n</python>"],
    "an empty cell": ["<python>\n\n</python>", "<python>\nfinish('something')\n</python>"],
    "a block within a block": ["<python>\n```python\nfinish('within')\n```\n</python>"],
}


def rule(request: ChatRequest) -> Reply:
    view = View.of(request)
    goal = view.goal.strip()
    if goal in TEXTS:
        turns = TEXTS[goal]
        return Reply(text=turns[min(view.turn, len(turns) - 1)])
    turns = CELLS.get(goal, ["finish('done')"])
    return Reply(text=view.action("so", turns[min(view.turn, len(turns) - 1)]))


@dataclass(frozen=True, slots=True)
class Place:
    http: httpx.AsyncClient
    stand_in: StandIn

    async def solve(self, goal: str, **fields: object) -> dict[str, Any]:
        answer = await self.http.post("/solve", json={"goal": goal, "mode": "recursive", **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def alive(self, stop: asyncio.Event) -> float:
        """The slowest `/livez` until `stop`."""
        loop, slowest = asyncio.get_running_loop(), 0.0
        while not stop.is_set():
            began = loop.time()
            assert (await self.http.get("/livez")).status_code == 200
            slowest = max(slowest, loop.time() - began)
        return slowest


@asynccontextmanager
async def place(replicas: int = 1, **changes: object) -> AsyncGenerator[list[Place], None]:
    changes = {"cell_s": 0.5, "sandbox_workers": 2, **changes}
    config = StandInConfig()
    async with (
        asyncio.timeout(100),
        StandIn(config, RuleScript(rule)) as first,
        StandIn(config, RuleScript(rule)) as other,
    ):
        stand_ins = [first, other][:replicas]
        urls = tuple(each.url for each in stand_ins)
        known: dict[str, Any] = dict(changes)
        settings = replace(Settings(), replicas=urls, redis_url="memory://", port=0, prime=False, **known)
        async with open_runtime(settings) as runtime, served(create_app(settings, runtime), settings) as (_, http):
            yield [Place(http, each) for each in stand_ins]


@pytest.mark.parametrize("goal", [g for g in CELLS if g not in {"forks without end", "slow"}])
async def test_a_node_survives_what_its_model_writes(goal: str) -> None:
    async with place() as [here]:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(here.alive(stop))
            tree = await here.solve(goal)
            stop.set()
        assert tree["status"] == "completed", tree["error"]
        assert watching.result() < LIVEZ_S


@pytest.mark.parametrize("goal", [g for g in TEXTS if g != "never any code"])
async def test_a_node_survives_replies_that_are_no_action(goal: str) -> None:
    async with place() as [here]:
        tree = await here.solve(goal)
        assert tree["status"] == "completed", tree["error"]


async def test_a_model_that_never_writes_code_ends_with_a_reason() -> None:
    async with place() as [here]:
        tree = await here.solve("never any code")
        assert (tree["status"], tree["error"]["reason"]) == ("failed", "turns")
        assert "loop" in tree["error"]["message"]


async def test_forking_without_end_stops_at_the_limits_and_still_answers() -> None:
    async with place() as [here]:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(here.alive(stop))
            tree = await here.solve("forks without end", limits={"max_nodes": 300, "max_depth": 3})
            stop.set()
        assert tree["status"] == "completed", tree["error"]
        assert tree["nodes"]["total"] == 300
        assert tree["nodes"]["max_depth"] <= 3
        assert watching.result() < LIVEZ_S


async def test_a_cell_that_never_ends_does_not_outlive_its_tree() -> None:
    async with place(cell_s=30.0) as [here]:
        tree = await here.solve("slow", limits={"deadline_s": 0.5})
        assert (tree["status"], tree["error"]["reason"]) == ("failed", "deadline")
        assert tree["timing"]["wall_s"] < 5


@pytest.mark.parametrize("fault", ["500", "503", "close_before_first", "garbage", "truncated_json", "error_in_stream"])
async def test_a_failed_attempt_is_made_again(fault: str) -> None:
    async with place(replicas=2) as places:
        for each in places:
            each.stand_in.fail_next(fault)
        tree = await places[0].solve("anything")
        assert tree["status"] == "completed", tree["error"]


async def test_a_stream_closed_in_the_middle_costs_a_turn_and_is_booked() -> None:
    async with place() as [here]:
        here.stand_in.fail_next("close_mid_stream")
        tree = await here.solve("anything")
        assert tree["status"] == "completed", tree["error"]
        assert tree["usage"]["wasted_tokens"] > 0
        assert tree["usage"]["estimated"]


async def test_a_replica_that_rejects_is_reported_with_its_words() -> None:
    async with place() as [here]:
        here.stand_in.fail_next("400")
        tree = await here.solve("anything")
        assert (tree["status"], tree["error"]["reason"]) == ("failed", "model_error")
        assert not tree["error"]["retryable"]


async def test_a_replica_that_hangs_is_given_up() -> None:
    async with place(first_token_timeout_s=0.3) as [here]:
        here.stand_in.fail_next("hang", "hang", "hang")
        tree = await here.solve("anything")
        assert (tree["status"], tree["error"]["reason"], tree["error"]["kind"]) == ("failed", "model_error", "timeout")
        await here.stand_in.ledger.until(lambda ledger: ledger.running == 0)


async def test_usage_is_what_the_replica_really_produced() -> None:
    async with place() as [here]:
        tree = await here.solve("forks without end", limits={"max_nodes": 60, "max_depth": 2})
        ledger = here.stand_in.ledger
        assert tree["usage"]["calls"] == len(ledger.entries)
        assert tree["usage"]["input_tokens"] == sum(entry.prompt_tokens for entry in ledger.entries)
        assert tree["usage"]["output_tokens"] == sum(entry.completion_tokens for entry in ledger.entries)
        assert not tree["usage"]["estimated"]


async def test_cancelling_a_tree_frees_the_replica() -> None:
    async with place() as [here]:
        here.stand_in.configure(replace(here.stand_in.config, first_token_s=60.0))
        goal, limits = "anything", {"max_nodes": 10}
        answer = await here.http.post(
            "/solve", json={"goal": goal, "limits": limits}, headers={"Prefer": "respond-async"}
        )
        await here.stand_in.ledger.until(lambda ledger: ledger.running == 1)
        path = answer.headers["location"]
        assert (await here.http.post(f"{path}/cancel")).status_code == 202
        async with asyncio.timeout(1):
            await here.stand_in.ledger.until(lambda ledger: ledger.running == 0)
        tree = (await here.http.get(path)).json()
        assert tree["status"] == "canceled"
        assert (await here.http.post(f"{path}/cancel")).status_code == 202
