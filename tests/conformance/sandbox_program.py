"""Programs with a Monty sandbox, for tests that need a process of their own: `python -m … spin | outcomes | brief`."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from rao_runtime.adapters.monty import MontySandbox
from rao_runtime.ports import CellLimits, HostCall, Parked, Return, Session
from tests.conformance.sandbox_hosts import NOW, TOO_DEEP, Recorder, spec

SPIN_S = 8.0

CELLS = (
    "import random, time\nnames = {w: len(w) for w in set(context.split())}\nrandom.random(), time.time(), names",
    "random.sample(range(100), 5), set('hello world'), hash('a') == hash('a'), random.Random().random()",
    """
import asyncio
async def part(i):
    got = await launch(i)
    print('got', i, got, random.random(), time.time())
    return [await launch(i, again=True), random.random()]
results = await asyncio.gather(*[part(i) for i in range(4)])
results
""",
    "def f(): pass\nlaunch(f)",
    "object(), f, lambda: 1",
    "{r[0] if isinstance(r[0], int) else -1 for r in results}",
    "sum([r[0] for r in results])",
    "while True: pass",
    "random.random(), hold(5)",
)


class _Announcer(Recorder):
    """Says which processes are the workers, once the cell runs."""

    def call(self, call: HostCall) -> Return:
        """Print the ids."""
        print(*workers(os.getpid()), flush=True)
        return Return(None)


def workers(pid: int) -> list[int]:
    """The sandbox workers started by this process, which may have other children: stores, for instance."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = stat.read_text().rpartition(")")
            program = (stat.parent / "cmdline").read_bytes().partition(b"\0")[0]
        except OSError:
            continue
        if int(rest.split()[1]) == pid and program.endswith(b"monty"):
            found.append(int(stat.parent.name))
    return found


async def spin() -> None:
    """Compute until killed, or for `SPIN_S`."""
    async with MontySandbox(1) as sandbox:
        session = sandbox.session(spec(limits=CellLimits(run_s=SPIN_S)))
        await session.run("budget()\nwhile True: pass", _Announcer(), now=NOW)


async def outcomes() -> None:
    """Print what a fixed series of cells does, execution times aside."""
    async with MontySandbox(2) as sandbox:
        session, host = sandbox.session(spec(limits=CellLimits(run_s=0.3))), Recorder()
        for code in CELLS:
            await _through(session, code, host)
        print(host.calls)


async def brief() -> None:
    """Use a sandbox and leave at once."""
    async with MontySandbox(2) as sandbox:
        await sandbox.session(spec()).run("1 + 1", Recorder(), now=NOW)


async def _through(session: Session, code: str, host: Recorder) -> None:
    outcome = await session.run(code, host, now=NOW, inputs={"context": "the quick brown fox jumps over the dog"})
    while isinstance(outcome, Parked):
        print(outcome.pending, outcome.held, outcome.output)
        waiting = list(reversed(outcome.pending)) if outcome.held is None else [outcome.held]
        answers = [(call, Return(TOO_DEEP if call % 3 == 2 else call)) for call in waiting]
        outcome = await session.resume(answers, now=NOW + len(host.calls))
    error = getattr(outcome, "error", getattr(outcome, "message", ""))
    print(type(outcome).__name__, outcome.output, error)


PROGRAMS: dict[str, Callable[[], Awaitable[None]]] = {"spin": spin, "outcomes": outcomes, "brief": brief}


async def main() -> None:
    """Run the program that was asked for."""
    await PROGRAMS[sys.argv[1]]()


if __name__ == "__main__":
    asyncio.run(main())
