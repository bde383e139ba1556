"""The client's commands against a real server, through pipes: JSON lines and exit statuses."""

import json
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli_program import rao, running, serving_a_stand_in

GOAL = "Count the lines that mention apple."
TEXT = "an apple\na pear\ntwo apples\n"


@pytest.fixture(scope="module")
def server() -> Generator[str, None, None]:
    with serving_a_stand_in() as url:
        yield url


@pytest.fixture(scope="module")
def stuck() -> Generator[str, None, None]:
    """A server whose trees never end by themselves."""
    with serving_a_stand_in("--fault", "hang=1") as url:
        yield url


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_event_is_a_line_and_the_last_line_is_the_tree(server: str) -> None:
    ended = rao("solve", GOAL, "--context", "-", "--server", server, stdin=TEXT)
    *events, tree = json_lines(ended.stdout)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert (events[0]["type"], events[-1]["type"]) == ("tree.created", "tree.completed")
    assert (tree["status"], tree["answer"]) == ("completed", 2)
    assert events[-1]["data"] == tree


def test_files_become_the_context_and_flags_the_limits(server: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(TEXT, "utf-8")
    words = ["--context", str(tmp_path / "one"), "-c", str(tmp_path / "two"), "--max-depth", "1", "--metadata", "a=b"]
    ended = rao("solve", GOAL, *words, RAO_SERVER=server)
    tree = json_lines(ended.stdout)[-1]
    assert (tree["answer"], tree["limits"]["max_depth"], tree["metadata"]) == (4, 1, {"a": "b"})


def test_a_failed_tree_is_status_1_and_its_error_is_in_the_last_line(server: str) -> None:
    ended = rao("solve", GOAL, "--context-text", TEXT, "--max-tokens", "10", "--server", server)
    assert ended.returncode == 1
    assert json_lines(ended.stdout)[-1]["error"]["reason"] == "tokens"


def test_what_the_server_does_not_accept_is_status_2(server: str) -> None:
    ended = rao("solve", GOAL, "--max-depth", "99", "--model", "none", "--server", server)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("Error: The request cannot be accepted (422)\n")
    assert "\n  limits.max_depth: 99 is over" in ended.stderr
    assert "\n  model: " in ended.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["solve"], "GOAL"),
        (["solve", "g", "--mode", "sideways"], "sideways"),
        (["solve", "g", "--context", "no/such/file"], "cannot read no/such/file"),
        (["solve", "g", "--server", "ftp://x"], "is not the URL of a server"),
        (["dance"], "dance"),
        (["trees", "--limit", "0"], "--limit"),
    ],
)
def test_what_makes_no_sense_is_status_2(words: list[str], said: str) -> None:
    ended = rao(*words)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["solve", "g"],
        ["tree", "x"],
        ["tree", "x", "--watch"],
        ["trees"],
        ["cancel", "x"],
        ["replicas"],
        ["replicas", "add", "http://x"],
    ],
)
def test_no_server_is_status_3(words: list[str]) -> None:
    ended = rao(*words, "--server", "127.0.0.1:1")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.startswith("Error: cannot reach http://127.0.0.1:1: ")
    assert "rao serve" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_same_key_gives_the_same_tree(server: str) -> None:
    words = ["solve", GOAL, "--context-text", TEXT, "--key", "k1", "--server", server]
    first, second = (json_lines(rao(*words).stdout)[-1] for _ in range(2))
    assert first == second


def test_an_ended_tree_is_read_watched_and_listed(server: str) -> None:
    tree = json_lines(rao("solve", GOAL, "--context-text", TEXT, "--server", server).stdout)[-1]
    tree_id = tree["tree_id"]
    assert json_lines(rao("tree", tree_id, "--server", server).stdout) == [tree]
    [with_nodes] = json_lines(rao("tree", tree_id, "--nodes", "--server", server).stdout)
    assert with_nodes["tree"]["goal"] == GOAL
    watched = rao("tree", tree_id, "--watch", "--server", server)
    assert watched.returncode == 0
    assert json_lines(watched.stdout)[-1] == tree
    [listed] = json_lines(rao("trees", "--limit", "1", "--status", "completed", "--server", server).stdout)
    assert listed == tree


def test_an_unknown_tree_is_status_2(server: str) -> None:
    for command in ("tree", "cancel"):
        ended = rao(command, "01k00000000000000000000000", "--server", server)
        assert ended.returncode == 2
        assert ended.stderr.startswith("Error: There is no such tree (404)\n")


def test_a_detached_tree_goes_on_until_it_is_cancelled(stuck: str) -> None:
    detached = rao("solve", GOAL, "--detach", "--server", stuck)
    [tree] = json_lines(detached.stdout)
    assert (detached.returncode, tree["status"]) == (0, "submitted")
    canceled = rao("cancel", tree["tree_id"], "--server", stuck)
    assert canceled.returncode == 0
    watched = rao("tree", tree["tree_id"], "--watch", "--server", stuck)
    assert watched.returncode == 1
    assert json_lines(watched.stdout)[-1]["status"] == "canceled"


def test_a_node_is_cancelled_by_its_id(stuck: str) -> None:
    with running("solve", GOAL, "--server", stuck) as program:
        event = json.loads(program.line_with("call.started"))
        canceled = rao("cancel", event["tree_id"], "--node", event["node_id"], "--server", stuck)
        assert canceled.returncode == 0
        assert json.loads(list(program.output)[-1])["status"] == "canceled"
        assert program.process.wait() == 1


def test_ctrl_c_stops_watching_and_says_how_to_go_on(stuck: str) -> None:
    with running("solve", GOAL, "--server", stuck) as program:
        tree_id = json.loads(program.line_with("call.started"))["tree_id"]
        assert program.stop(signal.SIGINT) == 130
        said = program.errors.read()
    assert "the tree goes on" in said
    assert f"tree {tree_id} --watch --server {stuck}\n" in said
    assert f"cancel {tree_id} --server {stuck}\n" in said
    [tree] = json_lines(rao("tree", tree_id, "--server", stuck).stdout)
    assert tree["status"] == "working"


def test_a_reader_that_leaves_gets_no_traceback(server: str) -> None:
    with running("solve", GOAL, "--context-text", TEXT, "--server", server) as program:
        program.output.close()
        assert program.process.wait() == 1
        assert "Traceback" not in program.errors.read()


def test_the_version_is_told() -> None:
    ended = rao("--version")
    assert ended.returncode == 0
    assert ended.stdout.startswith("rao ")


def test_help_names_every_command() -> None:
    said = rao("--help").stdout
    assert all(command in said for command in ("serve", "solve", "tree", "trees", "cancel", "replicas", "simulate"))
