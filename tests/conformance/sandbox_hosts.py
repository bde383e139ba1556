"""Hosts, specs and sandboxes that the sandbox tests share."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from rao_runtime.adapters.monty import MontySandbox
from rao_runtime.adapters.scripted_sandbox import ScriptedSandbox
from rao_runtime.ports import (
    CellLimits,
    FailedValue,
    Hold,
    HostCall,
    Later,
    Outcome,
    Parked,
    Raise,
    Return,
    Sandbox,
    Session,
    SessionSpec,
    Stop,
)

NOW = 1_000_000_000.0
TOO_DEEP = FailedValue("depth", "no deeper than 4")

Answer = Return | Raise | Later | Hold | Stop
Maker = Callable[[], AbstractAsyncContextManager[Sandbox]]

_ANSWERS: dict[str, Answer] = {
    "launch": Later(),
    "finish": Stop(),
    "hold": Hold(),
    "budget": Return({"tokens": 5}),
    "echo": Return(None),
    "refuse": Return(TOO_DEEP),
    "bad": Raise("ValueError", "not like this"),
    "odd": Raise("OddError", "unheard of"),
}
FUNCTIONS = tuple(_ANSWERS)


class Recorder:
    """A host that answers each function in its own way and keeps the calls; `echo` returns its first argument."""

    def __init__(self) -> None:
        self.calls: list[HostCall] = []

    def call(self, call: HostCall) -> Answer:
        """Note and answer."""
        self.calls.append(call)
        return Return(call.args[0]) if call.name == "echo" else _ANSWERS[call.name]

    @property
    def said(self) -> list[tuple[str, tuple[object, ...]]]:
        """Names and arguments so far."""
        return [(call.name, call.args) for call in self.calls]


def spec(*, seed: int = 7, limits: CellLimits | None = None) -> SessionSpec:
    """A session with all of the recorder's functions."""
    return SessionSpec(functions=FUNCTIONS, seed=seed, limits=limits or CellLimits())


@asynccontextmanager
async def monty() -> AsyncGenerator[Sandbox]:
    """A small Monty sandbox."""
    async with MontySandbox(2) as sandbox:
        yield sandbox


@asynccontextmanager
async def scripted() -> AsyncGenerator[Sandbox]:
    """The sandbox for simulated time."""
    yield ScriptedSandbox()


MAKERS: tuple[Maker, ...] = (monty, scripted)


async def run(session: Session, code: str, host: Recorder | None = None) -> Outcome:
    """One cell, at the usual time."""
    return await session.run(code, host or Recorder(), now=NOW)


async def shown(session: Session, code: str) -> str:
    """What a cell that runs to its end prints."""
    outcome = await run(session, code)
    assert type(outcome).__name__ == "Done", outcome
    return outcome.output.text.rstrip("\n")


def parked(outcome: Outcome) -> Parked:
    """The outcome, which must be a parked cell."""
    assert isinstance(outcome, Parked), outcome
    return outcome
