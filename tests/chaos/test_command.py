"""The command that operators start, killed: what holds for the forked servers of this suite holds for it."""

import asyncio
from pathlib import Path

import httpx

from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.server import StandIn
from rao_runtime.standin.tree import TreeScript
from tests.chaos.journal_rules import journal_faults
from tests.chaos.ledger_rules import ledger_faults
from tests.chaos.scenario import RICH_TOKENS, TreePlan
from tests.chaos.sse import SseBytes
from tests.chaos.waits import arrivals
from tests.chaos.world import settings_of
from tests.contract.processes import program

PLAN = TreePlan(goal="tree 3 2", answer=6, max_tokens=RICH_TOKENS, context=None)
ASYNC = {"Prefer": "respond-async"}


async def test_a_tree_outlives_the_command_that_began_it(tmp_path: Path) -> None:
    async with asyncio.timeout(60), StandIn(StandInConfig(first_token_s=0.05), TreeScript()) as stand_in:
        environment = {**settings_of(tmp_path, stand_in), "RAO_PORT": "0", "RAO_DATA_DIR": str(tmp_path / "data")}
        with program("server", **environment) as (_, url):
            async with httpx.AsyncClient(base_url=url) as http:
                tree_id = (await http.post("/solve", json=PLAN.body(), headers=ASYNC)).json()["tree_id"]
            await arrivals(stand_in.ledger, 5)
        with program("server", **environment) as (_, url):
            async with httpx.AsyncClient(base_url=url, timeout=30) as http:
                answer = await http.get(f"/trees/{tree_id}/events")
        journal = [sent.event for sent in SseBytes([]).feed(answer.content)]
        assert [event["type"] for event in journal].count("tree.resumed") == 1
        assert list(journal_faults(PLAN, journal)) == []
        assert list(ledger_faults([journal], stand_in.ledger.entries)) == []
