"""What breaks beside the model: the sandbox, and our own code. A tree still ends, with a reason, its journal whole."""

from collections.abc import Mapping
from typing import Any, cast

from rao_runtime.adapters.scripted_sandbox import ScriptedSandbox
from rao_runtime.core.errors import SandboxError
from rao_runtime.core.events import EventType
from rao_runtime.core.state import fold
from rao_runtime.ports import CellLimits, Command, Host, Outcome, Raise, Return, Session, SessionSpec
from tests.sim.directed import Parts, root, scene
from tests.sim.play import gather
from tests.sim.world import Setup, World


class NoWorkers:
    """A sandbox that cannot run the cells whose code says so."""

    version = "no-workers"

    def __init__(self) -> None:
        self._well = ScriptedSandbox()

    def session(self, spec: SessionSpec) -> Session:
        return NoWorker(self._well.session(spec))

    async def evaluate(self, expression: str, variables: Mapping[str, Any], *, limits: CellLimits) -> Return | Raise:
        raise SandboxError("no worker in time")


class NoWorker:
    def __init__(self, inner: Session) -> None:
        self.run_well = inner.run
        self.resume = inner.resume
        self.abandon = inner.abandon
        self.close = inner.close

    async def run(self, code: str, host: Host, *, now: float, inputs: Mapping[str, Any] | None = None) -> Outcome:
        if "unlucky" in code:
            raise SandboxError("no worker in time")
        if "broken" in code:
            raise ZeroDivisionError("a bug of ours")
        return await self.run_well(code, host, now=now, inputs=inputs)


def setup() -> Setup:
    return Setup(sandbox=NoWorkers())


def test_a_sandbox_without_workers_is_the_nodes_reason() -> None:
    async def act(world: World) -> None:
        tree = await world.solve(root())
        assert (tree["status"], tree["error"]["reason"]) == ("failed", "sandbox_error")
        assert tree["error"]["message"] == "no worker in time"
        assert tree["error"]["retryable"]

    scene({"root": ["finish('unlucky')"]}, act, setup())


def test_a_check_that_cannot_run_is_no_verdict() -> None:
    async def act(world: World) -> None:
        tree = await world.solve(root())
        assert (tree["status"], tree["error"]["reason"]) == ("failed", "sandbox_error")
        assert await world.events(tree["tree_id"], EventType.NODE_CHECK) == []

    scene({"root": ["finish(1, check='answer > 0')"]}, act, setup())


def test_a_bug_in_one_node_is_a_failed_to_its_parent() -> None:
    parts: Parts = {
        "root": [gather("a", "b"), "finish([x.reason if isinstance(x, Failed) else x for x in rs])"],
        "a": ["finish('broken')"],
        "b": ["finish('well')"],
    }

    async def act(world: World) -> None:
        # Not `solve`: the invariants of every world rule out internal errors, and here is one.
        tree_id = await world.submit(root())
        await world.settle()
        tree = await world.runtime.tree(tree_id)
        assert tree["status"] == "completed"
        assert tree["answer"] == ["internal", "well"]

    scene(parts, act, setup())


def test_a_tree_whose_own_code_breaks_ends_with_its_journal_whole() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.CALL_STARTED)
        # A command no gateway sends: the owner's listener breaks over it, as it would over a bug of its own.
        await world.journal.send(tree_id, Command("cancel", cast("str", [])))
        await world.settle()
        tree = await world.runtime.tree(tree_id, nodes=True)
        assert (tree["status"], tree["error"]["reason"]) == ("failed", "internal")
        assert fold(tree_id, await world.journal.read(tree_id)).has_ended

    scene({"root": ["finish(1)"]}, act, setup())
