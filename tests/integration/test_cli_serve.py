"""`rao serve` and `rao simulate` as processes."""

import json
import shlex
import signal
import socket
import subprocess
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from tests.integration.cli_program import environment, rao, running, serving


@pytest.fixture(scope="module")
def taken_port() -> Generator[int, None, None]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_the_lines_it_says_to_try_work_and_a_signal_ends_it(name: signal.Signals) -> None:
    with running("serve", "--port", "0") as program:
        url = program.line_with("is serving at").split()[-1]
        assert "rao-nano answers" in program.line_with("SMALL MODEL")
        program.line_with("RAO_REPLICAS=")
        curl = shlex.split(program.line_with("curl"))
        solve = program.line_with("--watch")
        header, _, value = curl[4].partition(": ")
        answer = httpx.post(curl[2], headers={header: value}, content=curl[6]).json()
        solved = subprocess.run(["sh", "-c", solve], capture_output=True, text=True, env=environment(), check=True)
        assert program.stop(name) == 0
        logged = [json.loads(line)["message"] for line in program.errors]
    assert (curl[0], curl[2]) == ("curl", f"{url}/solve")
    assert (answer["status"], answer["answer"]) == ("completed", 2)
    assert json.loads(solved.stdout.splitlines()[-1])["answer"] == 2
    assert answer["model"] == "rao-nano"
    assert any("rao-nano answers, in this process" in message for message in logged)


def test_without_any_model_it_serves_and_says_that_trees_will_queue() -> None:
    with running("serve", "--port", "0", "--set", "embedded_engines=0") as program:
        url = program.line_with("is serving at").split()[-1]
        assert "trees will queue" in program.line_with("NO REPLICA")
        tree = httpx.post(f"{url}/solve", json={"goal": "x"}, headers={"Prefer": "respond-async"}).json()
        assert tree["status"] == "submitted"
        assert program.stop() == 0


def test_a_signal_ends_it_although_a_client_follows_a_tree() -> None:
    with running("serve", "--port", "0") as program:
        url = program.line_with("is serving at").split()[-1]
        tree = httpx.post(f"{url}/solve", json={"goal": "x"}, headers={"Prefer": "respond-async"}).json()
        with httpx.stream("GET", f"{url}{tree['links']['events']}") as response:
            next(response.iter_bytes())
            assert program.stop() == 0


def test_flags_go_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "some.toml"
    file.write_text('[server]\nreplicas = ["http://127.0.0.1:1"]\n', "utf-8")
    with serving("--config", str(file), RAO_REPLICAS="http://127.0.0.1:2", RAO_PORT="1") as url:
        readiness = httpx.get(f"{url}/readyz").text
    assert "http://127.0.0.1:2" in readiness
    assert "http://127.0.0.1:1" not in readiness


def test_the_clients_own_variable_is_no_setting_to_be_warned_of() -> None:
    with running("serve", "--port", "0", RAO_SERVER="http://x", RAO_SURVER="http://x") as program:
        program.line_with("is serving at")
        assert program.stop() == 0
        logged = program.errors.read()
    assert "RAO_SURVER is set" in logged
    assert "RAO_SERVER is set" not in logged


def test_a_port_in_use_is_one_clear_line(taken_port: int) -> None:
    for command in ("serve", "simulate"):
        ended = rao(command, "--port", str(taken_port))
        assert ended.returncode == 1
        assert ended.stdout == ""
        assert ended.stderr == (
            f"Error: port {taken_port} on 127.0.0.1 is in use;"
            " choose another with --port, or --port 0 for any that is free\n"
        )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["serve", "--port", "70000"], "port (command line): 70000 is not a whole number from 0 to 65,535"),
        (["serve", "--set", "colour=red"], "colour (command line): there is no such setting"),
        (["serve", "--set", "colour"], "--set 'colour' is not NAME=VALUE"),
        (["serve", "--replica", "nowhere"], "replicas (command line)"),
        (["serve", "--config", "no-such-file.toml"], "cannot read no-such-file.toml"),
        (["simulate", "--fault", "dance=1"], "no fault is called 'dance'"),
        (["simulate", "--fault", "503=often"], "--fault '503=often' is not NAME=RATE"),
        (["simulate", "--slots", "0"], "slots: must be at least 1"),
    ],
)
def test_settings_that_make_no_sense_are_explained(words: list[str], said: str) -> None:
    ended = rao(*words)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_stand_in_prints_its_url_and_how_to_use_it(name: signal.Signals) -> None:
    words = ["--port", "0", "--script", "tree", "--model", "m", "--fault", "no_usage=0.5"]
    with running("simulate", *words) as program:
        url = program.line_with("http").strip()
        assert httpx.get(f"{url}/v1/models").json()["data"][0]["id"] == "m"
        assert program.stop(name) == 0
        said = program.errors.read()
    assert f"serve --replica {url}" in said


def test_a_data_folder_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    own = {"RAO_REDIS_URL": "", "RAO_DATA_DIR": str(tmp_path)}
    with serving(**own):
        ended = rao("serve", "--port", "0", **own)
    assert ended.returncode == 1
    assert ended.stdout == ""
    (line,) = [line for line in ended.stderr.splitlines() if not line.startswith('{"ts"')]
    assert line.startswith("Error: data folder")
    assert "RAO_DATA_DIR" in line
    assert "Traceback" not in ended.stderr
