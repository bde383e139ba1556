"""Monty's worker processes: shared, replaced, killed with their parent; and the same outcomes in a fresh process."""

import asyncio
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from rao_runtime.adapters.monty import MontySandbox
from rao_runtime.core.errors import SandboxError
from rao_runtime.ports import CellLimits, Done, HostCall, Killed, Return, Session
from tests.conformance.sandbox_hosts import NOW, Answer, Recorder, parked, run, shown, spec
from tests.conformance.sandbox_program import CELLS, SPIN_S, workers

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def sandbox() -> AsyncGenerator[MontySandbox]:
    async with MontySandbox(1) as made:
        yield made


class _Signals(Recorder):
    """A host that sets an event when the cell calls `budget`."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()

    def call(self, call: HostCall) -> Answer:
        self.reached.set()
        return Return(None)


async def test_a_parked_cell_holds_no_worker(sandbox: MontySandbox) -> None:
    sessions = [sandbox.session(spec()) for _ in range(50)]
    for session in sessions:
        parked(await run(session, "x = hold(1) if len('ab') == 3 else await launch(1)\nx"))
    held = sandbox.session(spec())
    assert parked(await run(held, "hold(1)")).held == 0
    assert await shown(sandbox.session(spec()), "1 + 1") == "2"
    outcomes = await asyncio.gather(*[session.resume([(0, Return(i))], now=NOW) for i, session in enumerate(sessions)])
    assert [outcome.output.text for outcome in outcomes] == [f"{i}\n" for i in range(50)]


async def test_more_sessions_than_workers_all_get_their_turn() -> None:
    async with MontySandbox(2) as sandbox:
        sessions = [sandbox.session(spec()) for _ in range(64)]
        outcomes = await asyncio.gather(*[_twice(session, i) for i, session in enumerate(sessions)])
    assert outcomes == [f"{2 * i}\n" for i in range(64)]


async def _twice(session: Session, number: int) -> str:
    parked(await run(session, f"await launch({number}) * 2"))
    return (await session.resume([(0, Return(number))], now=NOW)).output.text


async def test_a_cancelled_cell_gives_its_worker_back_at_once(sandbox: MontySandbox) -> None:
    session, host = sandbox.session(spec(limits=CellLimits(run_s=60))), _Signals()
    await run(session, "x = 1")
    cell = asyncio.ensure_future(run(session, "budget()\nx = 2\nwhile True: pass", host))
    await host.reached.wait()
    cell.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cell
    async with asyncio.timeout(5):
        assert await shown(sandbox.session(spec()), "1 + 1") == "2"
        assert await shown(session, "x") == "1"


async def test_a_worker_that_dies_in_a_cell_is_a_crash_and_is_replaced(sandbox: MontySandbox) -> None:
    session, host = sandbox.session(spec(limits=CellLimits(run_s=60))), _Signals()
    await run(session, "x = 1")
    cell = asyncio.ensure_future(run(session, "budget()\nx = 2\nwhile True: pass", host))
    await host.reached.wait()
    for worker in workers(os.getpid()):
        os.kill(worker, signal.SIGKILL)
    outcome = await cell
    assert isinstance(outcome, Killed)
    assert outcome.reason == "crash"
    assert await shown(session, "x") == "1"


async def test_a_worker_that_dies_between_cells_is_not_noticed(sandbox: MontySandbox) -> None:
    session = sandbox.session(spec())
    parked(await run(session, "await launch(1)"))
    for worker in workers(os.getpid()):
        os.kill(worker, signal.SIGKILL)
    outcome = await session.resume([(0, Return(5))], now=NOW)
    assert isinstance(outcome, Done)
    assert outcome.output.text == "5\n"


async def test_a_closed_sandbox_refuses_instead_of_waiting() -> None:
    async with MontySandbox(1) as sandbox:
        session = sandbox.session(spec())
        await run(session, "1")
    with pytest.raises(SandboxError, match="closed"):
        await run(session, "1")
    assert workers(os.getpid()) == []


async def test_what_a_host_raises_reaches_the_caller_and_frees_the_worker(sandbox: MontySandbox) -> None:
    class Faulty:
        def call(self, call: HostCall) -> Answer:
            raise LookupError("a bug in the engine")

    with pytest.raises(LookupError, match="a bug"):
        await sandbox.session(spec()).run("budget()", Faulty(), now=NOW)
    assert await shown(sandbox.session(spec()), "1") == "1"


def test_the_same_cells_have_the_same_outcomes_in_a_fresh_process() -> None:
    first, second = (_output_of("outcomes") for _ in range(2))
    assert first == second
    assert first.count("\n") > len(CELLS)
    assert "Killed" in first


def test_workers_die_with_a_killed_parent_even_while_computing() -> None:
    with subprocess.Popen(_command("spin"), cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = [os.pidfd_open(int(pid)) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert len(workers) == 1
    # Without setpriv on the machine the limit of the cell is what ends it.
    patience_s = 3.0 if shutil.which("setpriv") else SPIN_S + 10
    for worker in workers:
        assert select.select([worker], [], [], patience_s)[0], "the worker outlived its parent"
        os.close(worker)


def test_processes_that_leave_at_once_end_cleanly() -> None:
    programs = [subprocess.Popen(_command("brief"), cwd=ROOT) for _ in range(10)]
    assert [program.wait(timeout=60) for program in programs] == [0] * 10


def _command(program: str) -> list[str]:
    return [sys.executable, "-m", "tests.conformance.sandbox_program", program]


def _output_of(program: str) -> str:
    return subprocess.run(_command(program), cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout
