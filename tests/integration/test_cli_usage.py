"""`rao usage` against a real server."""

import csv
import json
from collections.abc import Generator
from contextlib import ExitStack
from io import StringIO

import pytest

from tests.integration.cli_program import rao, running, serving
from tests.integration.cli_terminal import terminal

GOAL = "Count the lines that mention apple."


@pytest.fixture
def server() -> Generator[str, None, None]:
    with ExitStack() as stack:
        replica = stack.enter_context(running("simulate", "--port", "0")).line_with("http").strip()
        yield stack.enter_context(serving("--replica", replica))


def test_what_a_tree_used_is_told_as_json_as_csv_and_as_a_table(server: str) -> None:
    tree = json.loads(rao("solve", GOAL, "--server", server).stdout.splitlines()[-1])
    usage = tree["usage"]
    ended = rao("usage", "--by", "model", "--by", "tenant", "--tenant", "default", "--server", server)
    [line] = json.loads(ended.stdout)["data"]
    assert (line["trees"], line["attempts"], line["tenant"]) == (1, usage["calls"], "default")
    assert line["input_tokens"] == usage["input_tokens"]
    [row] = csv.DictReader(StringIO(rao("usage", "--csv", "--tenant", "default", "--server", server).stdout))
    assert (row["day"], row["output_tokens"]) == (tree["timing"]["ended_at"][:10], str(usage["output_tokens"]))
    with terminal("usage", "--by", "model", "--server", server, width=140) as drawn:
        assert drawn.end() == 0
    heading, first = drawn.text.splitlines()[:2]
    assert heading.split()[:3] == ["model", "trees", "attempts"]
    assert first.split()[0] == line["model"]
    assert "without a price" in drawn.text


def test_what_makes_no_sense_is_status_2(server: str) -> None:
    for words, said in (
        (["--since", "yesterday"], "expected a date"),
        (["--by", "colour"], "colour"),
        (["--csv", "--json"], "choose one"),
    ):
        ended = rao("usage", *words, "--server", server)
        assert (ended.returncode, said in ended.stderr) == (2, True), ended.stderr
