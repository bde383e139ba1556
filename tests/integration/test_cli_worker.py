"""`rao worker` as an operator starts it: where its settings come from, and who answers for it."""

import socket
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from tests.conformance.redis_servers import new_prefix, shared
from tests.integration.cli_program import rao, running


def store() -> dict[str, str]:
    """The variables of a worker on a store of its own."""
    return {"RAO_REDIS_URL": shared("valkey").url, "RAO_REDIS_PREFIX": new_prefix(), "RAO_SANDBOX_WORKERS": "1"}


@pytest.fixture
def taken_port() -> Generator[int, None, None]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def told(*words: str, **variables: str) -> str:
    """The line a worker says once it is up."""
    with running("worker", *words, **(store() | {"RAO_EMBEDDED_ENGINES": "0"} | variables)) as program:
        line = program.line_with("works, with")
        assert program.stop() == 0
    return line


def test_a_worker_takes_any_setting_with_set_also_one_that_has_an_option_of_its_own() -> None:
    assert "http://0.0.0.0:" in told("--set", "host=0.0.0.0", "--set", "port=0")
    assert "with 2 replicas" in told("--set", "replicas=http://127.0.0.1:1,http://127.0.0.1:2")


def test_an_option_of_a_worker_goes_before_the_same_setting_given_with_set() -> None:
    assert "http://127.0.0.1:" in told("--host", "127.0.0.1", "--set", "host=0.0.0.0")


def test_a_worker_listens_at_the_port_of_its_environment_or_file_and_else_at_any_that_is_free(
    taken_port: int, tmp_path: Path
) -> None:
    file = tmp_path / "some.toml"
    file.write_text(f"[server]\nport = {taken_port}\n", "utf-8")
    for words, variables in ([], {"RAO_PORT": str(taken_port)}), (["--config", str(file)], {}):
        ended = rao("worker", *words, **(store() | variables))
        assert (ended.returncode, f"port {taken_port} on 127.0.0.1 is in use" in ended.stderr) == (1, True)
        assert "http://127.0.0.1:" in told(*words, "--port", "0", **variables)
    assert f":{taken_port}/" not in told()


def test_a_worker_without_replicas_says_that_rao_nano_runs_its_trees() -> None:
    with running("worker", **store(), RAO_EMBEDDED_ENGINES="1") as program:
        line = program.line_with("works, with")
        url = line.split()[-1].removesuffix("/metrics")
        [replica] = httpx.get(f"{url}/replicas").json()["data"]
        assert program.stop() == 0
    assert "with rao-nano" in line
    assert "RAO_REPLICAS" in line
    assert replica["name"] == "rao-nano/1"


def test_a_worker_without_any_model_says_so() -> None:
    assert "NO REPLICA" in told()
    assert "with 1 replica;" in told("--replica", "http://127.0.0.1:1")
