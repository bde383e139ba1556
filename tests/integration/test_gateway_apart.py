"""A gateway without a worker, and workers without a gateway, as an operator starts them, on one Valkey."""

import signal
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.conformance.redis_servers import KINDS, new_prefix, shared
from tests.contract.processes import program
from tests.integration.cli_program import Program, rao, running

TAKEOVER_S = 10.0
LONG_S = 60.0
LEASE_S = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A gateway, its replica, and the settings that its workers share."""

    gateway: httpx.Client
    replica: httpx.Client
    settings: dict[str, str]

    def begin(self, goal: str) -> str:
        """Hand a task in; its tree."""
        answer = self.gateway.post(
            "/solve", json={"goal": goal, "mode": "recursive"}, headers={"Prefer": "respond-async"}
        )
        assert answer.status_code == 202, answer.text
        return answer.json()["tree_id"]

    def end(self, tree_id: str) -> dict[str, Any]:
        """The tree, once its stream is at its end."""
        self.gateway.get(f"/trees/{tree_id}/events", params={"types": "tree.completed"}, timeout=LONG_S)
        return self.gateway.get(f"/trees/{tree_id}").json()

    def until_running(self, calls: int) -> None:
        """Wait until the replica works on so many calls."""
        until = time.monotonic() + LONG_S
        while self.replica.get("/ledger", params={"entries": "0"}).json()["running"] != calls:
            assert time.monotonic() < until, f"never {calls} calls at once"

    def pace(self, first_token_s: float) -> None:
        """How long calls take from now on."""
        self.replica.post("/control", json={"first_token_s": first_token_s}).raise_for_status()


@contextmanager
def worker(place: Place) -> Generator[Program, None, None]:
    with running("worker", **place.settings) as program:
        program.line_with("works")
        yield program


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest) -> Generator[Place, None, None]:
    with ExitStack() as stack:
        _, replica = stack.enter_context(program("benchmarks.replica"))
        settings = {
            "RAO_REPLICAS": replica,
            "RAO_REDIS_URL": shared(request.param).url,
            "RAO_REDIS_PREFIX": new_prefix(),
            "RAO_PORT": "0",
            "RAO_SANDBOX_WORKERS": "1",
            "RAO_PRIME": "false",
        }
        _, url = stack.enter_context(program("server", **settings, RAO_WORKER="false"))
        gateway = stack.enter_context(httpx.Client(base_url=url, timeout=LONG_S))
        http = stack.enter_context(httpx.Client(base_url=replica, timeout=LONG_S))
        yield Place(gateway=gateway, replica=http, settings=settings)


def test_a_worker_runs_what_a_gateway_takes_in(place: Place) -> None:
    tree_id = place.begin("tree 3 2")
    assert place.gateway.get(f"/trees/{tree_id}").json()["status"] == "submitted"
    with worker(place):
        tree = place.end(tree_id)
        assert (tree["status"], tree["answer"], tree["nodes"]["total"]) == ("completed", 6, 10)


def test_another_worker_goes_on_within_seconds_where_one_was_killed(place: Place) -> None:
    place.pace(LONG_S)
    with worker(place) as first:
        tree_id = place.begin("tree 2")
        place.until_running(1)
        first.stop(signal.SIGKILL)
        place.until_running(0)
    place.pace(0.0)
    with worker(place):
        began = time.monotonic()
        tree = place.end(tree_id)
        assert time.monotonic() - began < TAKEOVER_S
        assert (tree["status"], tree["answer"]) == ("completed", 2)
        assert tree["usage"]["estimated"]


def test_a_stopped_worker_hands_its_trees_over_at_once(place: Place) -> None:
    place.pace(LONG_S)
    with worker(place) as first:
        tree_id = place.begin("tree 2")
        place.until_running(1)
        place.pace(0.0)
        began = time.monotonic()
        assert first.stop() == 0
        with worker(place):
            tree = place.end(tree_id)
            # Sooner than the lease of a worker that says nothing would have run out.
            assert time.monotonic() - began < LEASE_S
        assert (tree["status"], tree["answer"]) == ("completed", 2)


def test_a_cancel_reaches_the_worker_that_has_the_tree(place: Place) -> None:
    place.pace(LONG_S)
    with worker(place):
        tree_id = place.begin("tree 2")
        place.until_running(1)
        assert place.gateway.post(f"/trees/{tree_id}/cancel").status_code == 202
        place.until_running(0)
        assert place.end(tree_id)["status"] == "canceled"


def test_a_worker_without_a_shared_store_says_what_it_needs() -> None:
    ended = rao("worker")
    assert ended.returncode == 2
    assert "RAO_REDIS_URL" in ended.stderr
    ended = rao("serve", "--no-worker")
    assert ended.returncode == 2
    assert "redis_url" in ended.stderr


def test_a_gateway_without_replicas_leaves_every_model_to_the_workers() -> None:
    with running(
        "serve", "--no-worker", "--port", "0", RAO_REDIS_URL=shared("valkey").url, RAO_REDIS_PREFIX=new_prefix()
    ) as gateway:
        url = gateway.line_with("is serving at").split()[-1]
        gateway.line_with("NO WORKER HERE")
        task = {"goal": "x", "model": "what-the-workers-serve"}
        taken = httpx.post(f"{url}/solve", json=task, headers={"Prefer": "respond-async"})
        replicas = httpx.get(f"{url}/replicas").json()["data"]
        assert gateway.stop() == 0
        said = gateway.output.read() + gateway.errors.read()
    assert taken.status_code == 202, taken.text
    assert replicas == []
    assert "rao-nano" not in said
