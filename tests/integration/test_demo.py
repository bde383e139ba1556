"""The demo where nobody draws: which answers it tells, and what becomes of the server."""

import random
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from rao_runtime.client import Client
from tests.integration.cli_program import environment, running, serving
from tests.integration.demo_program import (
    DEMO,
    answers,
    demo,
    left_in,
    nobody,
    oracle,
    rows,
    server_of,
    settings,
)
from training.goals import Kind
from training.tasks import draw_exercise

LINES = 300
EXERCISE = draw_exercise(random.Random(1), Kind.COUNT, LINES, held_out=True)
NODES = 1 + 4 + 50  # parts of 96 lines, then of 6
FRUIT = "Anna saw the lime\nBen has a table\nthe fig for the pear\n"
GOAL = "How many lines mention a kind of fruit?"


@pytest.fixture(scope="module")
def replica() -> Generator[str, None, None]:
    with oracle() as url:
        yield url


@pytest.fixture
def alone(replica: str, tmp_path: Path) -> Generator[dict[str, str], None, None]:
    """Variables for a demo that finds no server."""
    with nobody() as url:
        yield settings(tmp_path, replica, url)


@pytest.fixture
def server(replica: str, tmp_path: Path) -> Generator[str, None, None]:
    used = settings(tmp_path, replica, "")
    with serving(RAO_REPLICAS=used["RAO_REPLICAS"], RAO_CONFIG=used["RAO_CONFIG"]) as url:
        yield url


def test_it_starts_a_server_solves_the_text_and_stops_the_server(alone: dict[str, str], tmp_path: Path) -> None:
    ended = demo("--lines", str(LINES), **alone)
    assert ended.returncode == 0, ended.stderr
    told = rows(ended.stdout)
    assert told["answer"] == [f"{EXERCISE.truth}", "failed"]
    assert told["truth"] == [f"{EXERCISE.truth}"] * 2
    assert told["difference"] == ["none", "no answer"]
    assert told["nodes"] == [str(NODES), "1"]
    assert told["depth"] == ["2", "0"]
    assert all(int(tokens.replace(",", "")) > 0 for tokens in [*told["input tokens"], *told["output tokens"]])
    assert told["of them cached"] == ["0", "0"]
    assert told["cost"] == ["no price", "no price"]
    assert all(took.endswith(" s") for took in told["wall clock"])
    assert "flat failed: unable (insufficient_context): the text is too long to read alone" in ended.stdout
    assert "Answered by oracle; the truth comes from what the lines were made of." in ended.stdout
    assert f"none at {alone['RAO_SERVER']}" in ended.stdout
    assert not answers(server_of(ended.stdout))
    assert left_in(tmp_path) == []


def test_it_says_what_it_is_about(alone: dict[str, str]) -> None:
    head = demo("--lines", "20", "--kind", "any", **alone).stdout.splitlines()
    assert head[1].startswith("text    20 lines, ")
    assert head[1].endswith(", drawn from seed 1")
    assert head[2].startswith("goal    ")
    assert head[4].startswith("model   oracle; it sees 1,024 tokens at once, and the text has about ")


def test_a_server_that_is_there_is_used_and_left_running(server: str) -> None:
    ended = demo("--lines", "30", "--server", server)
    assert ended.returncode == 0, ended.stderr
    assert server_of(ended.stdout) == server
    with Client(server) as client:
        trees = client.trees().trees
    assert [tree.raw["mode"]["effective"] for tree in trees] == ["flat", "recursive"]
    assert all(tree.has_ended for tree in trees)


def test_something_else_at_the_url_is_left_alone(alone: dict[str, str]) -> None:
    replica = alone["RAO_REPLICAS"]
    ended = demo("--lines", "30", **(alone | {"RAO_SERVER": replica}))
    assert ended.returncode == 0, ended.stderr
    assert server_of(ended.stdout) != replica
    assert f"{replica} is something else" in ended.stdout


def test_two_demos_at_once_do_not_share_a_server(alone: dict[str, str]) -> None:
    words, variables = [*DEMO, "--lines", "30"], environment(**alone)
    with (
        subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=variables) as one,
        subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=variables) as other,
    ):
        said = [one.communicate()[0], other.communicate()[0]]
    assert [one.returncode, other.returncode] == [0, 0]
    assert server_of(said[0]) != server_of(said[1])


def test_a_file_is_counted_and_checked_by_the_word_list(server: str, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text(FRUIT)
    ended = demo("--file", str(file), "--goal", GOAL, "--server", server)
    assert ended.returncode == 0, ended.stderr
    told = rows(ended.stdout)
    assert told["answer"] == told["truth"] == ["2", "2"]
    assert told["difference"] == ["none", "none"]
    assert "from notes.txt" in ended.stdout
    assert "the truth comes from our word list." in ended.stdout


def test_without_a_goal_it_counts_the_animals_of_a_file(server: str, tmp_path: Path) -> None:
    file = tmp_path / "zoo.txt"
    file.write_text("\n".join(["a fox and a crane", "a box", "an otter"] * 100))
    ended = demo("--file", str(file), "--server", server)
    assert "goal    Count the lines that mention an animal." in ended.stdout
    assert rows(ended.stdout)["answer"] == ["200", "failed"]


def test_a_goal_nobody_knows_has_no_truth_and_fails_in_the_open(server: str, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text(FRUIT)
    ended = demo("--file", str(file), "--goal", "Write a poem.", "--server", server)
    assert ended.returncode == 1
    assert "truth" not in rows(ended.stdout)
    assert "no truth is known for this goal" in ended.stdout
    assert "recursive failed: unable (impossible)" in ended.stdout
    assert ended.stderr == "Error: the tree has no answer\n"


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("missing", None, "cannot read {}: No such file or directory"),
        ("empty", b"\n \n", "{} is empty"),
        ("binary", b"a\0b", "{} is no text: it holds binary data"),
        ("latin", b"caf\xe9\n", "{} is not UTF-8 text: invalid continuation byte at byte 3"),
        ("large", b"a" * ((8 << 20) + 1), "{} is too large: the demo takes up to 8 MiB"),
        (".", None, "{} is a folder"),
    ],
)
def test_a_bad_file_is_told_in_one_line(tmp_path: Path, name: str, data: bytes | None, why: str) -> None:
    file = tmp_path / name
    if data is not None:
        file.write_bytes(data)
    ended = demo("--file", str(file))
    assert ended.returncode == 2
    assert (ended.stdout, ended.stderr) == ("", f"Error: {why.format(file)}\n")


def test_a_server_that_cannot_start_says_why_and_leaves_its_log(alone: dict[str, str], tmp_path: Path) -> None:
    ended = demo("--lines", "10", **(alone | {"RAO_REPLICAS": "nonsense"}))
    assert ended.returncode == 3
    assert "Error: the server did not start\n  It said: Error: RAO_REPLICAS (environment): 'nonsense'" in ended.stderr
    [log] = left_in(tmp_path)
    assert log in ended.stderr


def test_a_server_of_others_that_goes_away_ends_the_demo() -> None:
    with (
        running("simulate", "--port", "0", "--fault", "hang=1") as stuck,
        running("serve", "--port", "0", "--replica", stuck.line_with("http").strip(), "--set", "prime=false") as serve,
    ):
        url = serve.line_with("is serving at").split()[-1]
        words = [*DEMO, "--lines", "10", "--server", url]
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        ) as ours:
            assert ours.stdout is not None
            assert any(line.startswith("model") for line in ours.stdout)
            serve.process.kill()
            said = ours.communicate()[1]
    assert ours.returncode == 3
    assert said.startswith(f"Error: cannot reach {url}")
    assert "Traceback" not in said
