"""The demo where somebody looks: in a terminal."""

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from rao_runtime.client import Client
from tests.integration.cli_program import running, serving
from tests.integration.cli_terminal import HIDE_CURSOR, SHOW_CURSOR
from tests.integration.demo_program import (
    answers,
    demo_in_terminal,
    left_in,
    nobody,
    oracle,
    rows,
    server_of,
    settings,
)


@pytest.fixture(scope="module")
def stuck() -> Generator[str, None, None]:
    """A replica that never answers."""
    with running("simulate", "--port", "0", "--fault", "hang=1") as program:
        yield program.line_with("http").strip()


def child_of(pid: int) -> int:
    """The process that it started and still has."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def test_the_tree_is_drawn_then_the_result_in_one_screen(tmp_path: Path) -> None:
    with oracle() as replica, nobody() as url:
        variables = settings(tmp_path, replica, url)
        with demo_in_terminal("--lines", "300", **variables) as (shown, _):
            shown.wait_for("● working")
            shown.wait_for("├─")
            shown.wait_for("✓ completed  55 nodes: 55 completed · depth 2")
            assert shown.end() == 0
    assert shown.raw.count(HIDE_CURSOR) == shown.raw.count(SHOW_CURSOR)
    lines = shown.text.splitlines()
    assert max(map(len, lines)) <= 80
    result = lines[next(number for number, line in enumerate(lines) if line.split() == ["recursive", "flat"]) :]
    assert rows("\n".join(result))["difference"] == ["none", "no answer"]
    assert len(result) <= 24 - 9  # above it: six lines of heading, two of the tree, a blank one


def test_ctrl_c_cancels_the_tree_and_stops_the_server(stuck: str, tmp_path: Path) -> None:
    with nobody() as url, demo_in_terminal("--lines", "10", **settings(tmp_path, stuck, url)) as (shown, _):
        shown.wait_for("● working")
        shown.interrupt()
        assert shown.end() == 130
    assert "Interrupted: the tree was cancelled, the server was stopped" in shown.text
    assert "Traceback" not in shown.text
    assert shown.raw.count(HIDE_CURSOR) == shown.raw.count(SHOW_CURSOR)
    assert not answers(server_of(shown.text))
    assert left_in(tmp_path) == []


def test_ctrl_c_leaves_a_server_of_others_running_without_the_tree(stuck: str) -> None:
    with serving("--replica", stuck, "--set", "prime=false") as server:
        with demo_in_terminal("--lines", "10", "--server", server) as (shown, _):
            shown.wait_for("● working")
            shown.interrupt()
            assert shown.end() == 130
        assert shown.text.splitlines()[-1] == "Interrupted: the tree was cancelled"
        with Client(server) as client:
            [tree] = client.trees().trees
            assert client.wait(tree, raise_on_failure=False).status == "canceled"


def test_a_server_that_dies_ends_the_demo_and_leaves_its_log(stuck: str, tmp_path: Path) -> None:
    with nobody() as url, demo_in_terminal("--lines", "10", **settings(tmp_path, stuck, url)) as (shown, pid):
        shown.wait_for("● working")
        os.kill(child_of(pid), signal.SIGKILL)
        assert shown.end() == 3
    assert "Error: the server ended in the midst of it (killed by signal 9)" in shown.text
    assert "Traceback" not in shown.text
    [log] = left_in(tmp_path)
    assert Path(log).name == "server.log"
