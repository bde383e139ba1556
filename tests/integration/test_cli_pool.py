"""`rao replicas` against a real server: the pool of a server that goes on answering while it changes."""

import json
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.integration.cli_program import rao, running, serving
from tests.integration.cli_terminal import terminal

GOAL = "Count the lines that mention apple."


@contextmanager
def stand_in(*words: str) -> Generator[str, None, None]:
    """A replica with these options; its URL."""
    with running("simulate", "--port", "0", *words) as program:
        yield program.line_with("http").strip()


@pytest.fixture
def replica() -> Generator[str, None, None]:
    with stand_in() as url:
        yield url


@contextmanager
def stuck() -> Generator[tuple[str, str], None, None]:
    """A server with one replica that never answers, and a call there; the server's URL and the tree's id."""
    with ExitStack() as stack:
        url = stack.enter_context(stand_in("--fault", "hang=1"))
        # Primed, the replica would hang at that call, and never get another.
        server = stack.enter_context(serving("--replica", url, "--set", "prime=false"))
        solving = stack.enter_context(running("solve", GOAL, "--server", server))
        yield server, json.loads(solving.line_with("call.started"))["tree_id"]


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_replica_is_added_and_the_first_one_drained(replica: str) -> None:
    with stand_in() as other, serving("--replica", replica) as server:
        rao("solve", GOAL, "--server", server)
        [first] = lines(rao("replicas", "--server", server).stdout)
        assert (first["name"], first["state"]) == (replica, "ready")
        [added] = lines(rao("replicas", "add", f"{other}/v1", "--slots", "8", "--server", server).stdout)
        assert (added["name"], added["slots"]) == (other, 8)
        drained = rao("replicas", "drain", first["id"], "--wait", RAO_SERVER=server)
        assert (drained.returncode, lines(drained.stdout)[0]["state"]) == (0, "draining")
        [left] = lines(rao("replicas", "--json", "--server", server).stdout)
        assert left["id"] == added["id"]
        assert rao("solve", GOAL, "--context-text", "an apple", "--server", server).returncode == 0


def test_what_cannot_be_done_is_status_2(replica: str) -> None:
    with serving("--replica", replica) as server:
        for words, said in (
            (["add", "host:8000"], "  url: expected a base URL such as `http://host:8000`"),
            (["add", replica], "The replica is there already (409)"),
            (["drain", "r99"], "There is no such replica (404)"),
        ):
            ended = rao("replicas", *words, "--server", server)
            assert (ended.returncode, ended.stdout) == (2, "")
            assert said in ended.stderr


@pytest.mark.parametrize("options", [["--server", "http://127.0.0.1:1"], ["--json"]])
def test_an_option_that_would_be_lost_is_refused(options: list[str]) -> None:
    ended = rao("replicas", *options, "drain", "r1")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "after the command" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_drain_is_waited_for_and_ctrl_c_stops_the_waiting_only() -> None:
    with stuck() as (server, tree_id):
        [first] = lines(rao("replicas", "--server", server).stdout)
        words = ["replicas", "drain", first["id"], "--wait", "--server", server]
        with terminal(*words) as patient:
            patient.wait_for("Waiting for the last call")
            while lines(rao("replicas", "--server", server).stdout)[0]["state"] != "draining":
                pass
            with terminal(*words) as hasty:
                hasty.wait_for("Waiting for the last call")
                hasty.interrupt()
                assert hasty.end() == 130
            assert f"{first['id']} goes on draining" in hasty.text
            rao("cancel", tree_id, "--server", server)
            assert patient.end() == 0
        assert f"{first['id']} is gone." in patient.text
        assert rao("replicas", "--server", server).stdout == ""


def test_a_terminal_gets_a_table_and_words(replica: str) -> None:
    with serving("--replica", replica) as server:
        rao("solve", GOAL, "--server", server)
        with terminal("replicas", "--server", server, width=120) as shown:
            assert shown.end() == 0
        heading, first = shown.text.splitlines()[:2]
        assert heading.split() == ["id", "replica", "state", "calls", "kv", "models"]
        assert first.split()[1:4] == [replica, "●", "ready"]
        with stand_in() as other, terminal("replicas", "add", other, "--server", server) as shown:
            assert shown.end() == 0
        assert f"Added {other} as " in shown.text
        with terminal("replicas", "drain", first.split()[0], "--server", server) as shown:
            assert shown.end() == 0
        assert f"{first.split()[0]} gets no new call; 0 calls in flight." in shown.text
