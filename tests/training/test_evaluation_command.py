"""`python -m training.evaluation` as people run it."""

import asyncio
import sys
from pathlib import Path

import orjson

from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.script import RuleScript
from rao_runtime.standin.server import StandIn

PROGRAM = (sys.executable, "-m", "training.evaluation", "--quick", "--only", "reading", "--only", "crafting")
ROOT = Path(__file__).parents[2]


async def run(*arguments: str) -> tuple[int | None, str, str]:
    """Exit status, standard output and standard error."""
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(*PROGRAM, *arguments, stdout=pipe, stderr=pipe, cwd=ROOT)
    out, err = await program.communicate()
    return program.returncode, out.decode(), err.decode()


async def test_it_shows_a_table_and_writes_every_tree(tmp_path: Path) -> None:
    status, out, err = await run("--oracle", "--seed", "7", "--json", str(tmp_path / "new" / "eval.json"))
    assert status == 0
    assert out.startswith("the oracle, temperature 0, seed 7; ")
    lines = out.splitlines()
    assert "reached" in next(line for line in lines if "lines, all kinds" in line)
    assert any("over-split, texts" in line for line in lines)
    assert "21/21 trees" in err
    found = orjson.loads((tmp_path / "new" / "eval.json").read_bytes())
    assert (found["about"]["seed"], found["about"]["quick"]) == (7, True)
    assert list(found["sections"]) == ["reading", "crafting"]
    assert [row["met"] for row in found["sections"]["crafting"]["rows"]] == [True, True]
    spent = found["sections"]["reading"]["rows"][0]["spent"]
    assert (spent["trees"], spent["nodes"], spent["usage"]["calls"]) == (3, 3, 6)
    assert 0 < float(spent["cost"]) < 0.001
    trees = found["sections"]["reading"]["trees"]
    assert len(trees) == 21
    assert all(tree["right"] and tree["lines"] == 6 and tree["nodes"] == 1 for tree in trees)
    assert {row["name"]: row["value"] for row in found["decisions"]}["under-split, crafting"] == 0


async def test_a_missed_bar_is_shown_and_is_no_failure() -> None:
    reply = '<thought></thought>\n<python>\nfail("impossible", "no")\n</python>'
    async with StandIn(StandInConfig(models=("mine",)), RuleScript(lambda _: reply)) as stand_in:
        url = stand_in.url
        status, out, _ = await run("--replica", url, "--model", "mine")
    assert status == 0
    assert out.startswith(f"mine at {url}, temperature 0")
    assert out.count("missed") == 3
    assert "impossible 3" in out
    assert "tier 1 impossible 1, tier 2 impossible 1" in out


async def test_a_replica_without_the_model_fails_the_run() -> None:
    async with StandIn(StandInConfig(models=("mine",)), RuleScript(lambda _: "")) as stand_in:
        status, _, err = await run("--replica", stand_in.url)
    assert status == 1
    assert "no replica serves rao-nano" in err
