"""The command line where somebody looks: in a terminal."""

from collections.abc import Generator

import pytest

from tests.integration.cli_program import rao, serving_a_stand_in
from tests.integration.cli_terminal import CURSOR_UP, HIDE_CURSOR, SHOW_CURSOR, Terminal, terminal

TREE = ["solve", "tree 3 2", "--mode", "recursive"]


@pytest.fixture(scope="module")
def server() -> Generator[str, None, None]:
    """Calls take a fifth of a second, so that there is something to see."""
    with serving_a_stand_in("--script", "tree", "--first-token-s", "0.2") as url:
        yield url


@pytest.fixture(scope="module")
def stuck() -> Generator[str, None, None]:
    with serving_a_stand_in("--fault", "hang=1") as url:
        yield url


def last_lines(shown: Terminal, count: int) -> list[str]:
    return [line.rstrip() for line in shown.text.splitlines()][-count:]


def test_a_tree_is_drawn_as_it_grows_then_its_answer(server: str) -> None:
    with terminal(*TREE, "--watch", "--server", server) as shown:
        shown.wait_for("● working")
        shown.wait_for("◌ waiting")
        shown.wait_for("  └─tree #1")
        shown.wait_for("✓ completed")
        assert shown.end() == 0
    assert CURSOR_UP in shown.raw
    assert shown.raw.count(HIDE_CURSOR) == shown.raw.count(SHOW_CURSOR) == 1
    *picture, blank, answer, _, summary, times, tree = last_lines(shown, 17)
    assert [line.split()[0] for line in picture[-10:]] == [
        "tree", "├─tree", "│", "│", "├─tree", "│", "│", "└─tree", "├─tree", "└─tree",
    ]  # fmt: skip
    assert all("✓ completed" in line for line in picture[-10:])
    assert (blank, answer) == ("", "6")
    assert summary.startswith("✓ completed · 10 nodes · 20 calls · ")
    assert times.startswith("wall ")
    assert tree.startswith("tree 01")


def test_no_line_is_wider_than_a_narrow_terminal(server: str) -> None:
    with terminal(*TREE, "--watch", "--server", server, width=60, height=12) as shown:
        assert shown.end() == 0
    # The summary is the answer's: a terminal wraps it, nothing cuts it.
    assert max(len(line) for line in shown.text.splitlines() if not line.startswith("✓ completed ·")) <= 60
    assert "more node" in shown.text


def test_without_watch_there_is_one_line_and_then_the_answer(server: str) -> None:
    with terminal(*TREE, "--server", server) as shown:
        shown.wait_for("10 nodes, ")
        assert shown.end() == 0
    assert "├" not in shown.text
    assert last_lines(shown, 5)[0] == "6"


def test_json_is_json_also_on_a_terminal(server: str) -> None:
    with terminal(*TREE, "--json", "--server", server) as shown:
        assert shown.end() == 0
    assert all(line.startswith("{") for line in shown.text.splitlines())


def test_a_failed_tree_says_why_and_what_it_had(server: str) -> None:
    with terminal(*TREE, "--watch", "--max-turns", "1", "--server", server) as shown:
        assert shown.end() == 1
    assert "turns: no answer within 1 turns (limit 1, spent 1)" in shown.text
    assert "✗ failed · " in shown.text


def test_ctrl_c_gives_the_terminal_back_and_the_tree_goes_on(stuck: str) -> None:
    with terminal("solve", "anything", "--watch", "--server", stuck) as shown:
        shown.wait_for("● working  anything")
        shown.interrupt()
        assert shown.end() == 130
    assert shown.raw.count(HIDE_CURSOR) == shown.raw.count(SHOW_CURSOR) == 1
    assert "the tree goes on" in shown.text
    assert "Traceback" not in shown.text
    tree_id = shown.text.split(" cancel ")[1].split()[0]
    with terminal("tree", tree_id, "--watch", "--server", stuck) as again:
        again.wait_for("● working  anything")
        with terminal("cancel", tree_id, "--server", stuck) as cancel:
            assert cancel.end() == 0
        assert f"Asked tree {tree_id} to stop" in cancel.text
        assert again.end() == 1
    assert "⊘ canceled · 1 node" in again.text


def test_trees_and_nodes_are_tables(server: str) -> None:
    tree_id = rao(*TREE, "--server", server).stdout.splitlines()[-1].split('"')[3]
    with terminal("trees", "--limit", "1", "--server", server) as trees:
        assert trees.end() == 0
    heading, row = trees.text.splitlines()
    assert heading.split() == ["tree", "status", "nodes", "tokens", "cost", "seconds", "goal"]
    assert row.split()[:4] == [tree_id, "✓", "completed", "10"]
    assert row.rstrip().endswith("tree 3 2")
    with terminal("tree", tree_id, "--nodes", "--server", server, width=120) as tree:
        assert tree.end() == 0
    assert tree.text.splitlines()[0].split() == ["node", "id", "depth", "status", "tokens", "seconds"]
    assert tree.text.count("✓ completed") == 11
    assert last_lines(tree, 5)[0] == "6"


def test_an_error_is_lines_for_people(server: str) -> None:
    with terminal("tree", "01k00000000000000000000000", "--server", server) as shown:
        assert shown.end() == 2
    assert shown.text.splitlines()[0] == "Error: There is no such tree (404)"


def test_help_has_examples() -> None:
    with terminal("solve", "--help") as shown:
        assert shown.end() == 0
    assert 'rao solve "Count the lines that mention apple." --context notes.txt --watch' in shown.text
