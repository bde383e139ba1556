"""Monty's exceptions as text a model can act on, and which of them are limits."""

from collections.abc import Iterable, Sequence

from pydantic_monty import Frame, MontyRuntimeError, MontySyntaxError

from rao_runtime.adapters.sandbox_source import SHOW
from rao_runtime.adapters.sandbox_values import Failed
from rao_runtime.ports import FailedValue

_PRELUDE = "<python-input-0>"
_STRING = "<string>"
_MAX_MESSAGE_CHARS = 4_000
_MAX_FRAMES = 8
_LIMITS = {
    "TimeoutError: feed time limit": "time",
    "TimeoutError: turn time limit": "time",
    "MemoryError: memory limit": "memory",
    "MemoryError: the worker exceeded": "memory",
}


def limit_of(error: MontyRuntimeError) -> str | None:
    """Which limit stopped the cell, `time` or `memory`; None for an exception of the cell's own."""
    text = error.display("type-msg")
    return next((limit for start, limit in _LIMITS.items() if text.startswith(start)), None)


def place_of(error: MontyRuntimeError) -> str:
    """Where in the cell it was, as `line 3: x = [0] * 10**9`; empty where Monty does not know."""
    frames = _visible(error.traceback())
    return f"line {frames[0].line}: {_source(frames[0])}" if frames else ""


def traceback_of(error: MontyRuntimeError | MontySyntaxError, failures: Iterable[FailedValue]) -> str:
    """A traceback without the frames of the prelude.

    Where the error comes from using a Failed as if it were an answer, the failures handed in lately are listed too.
    """
    frames = _visible(error.traceback())
    message = error.display("type-msg")
    if len(message) > _MAX_MESSAGE_CHARS:
        message = f"{message[:_MAX_MESSAGE_CHARS]}… ({len(message) - _MAX_MESSAGE_CHARS:,} characters more)"
    lines = ["Traceback (most recent call last):", *_described(frames), message]
    if f"'{Failed.__name__}'" in message:
        lines += [f"  where {Failed(each.reason, each.message)!r}" for each in failures]
    return "\n".join(lines)


def _visible(frames: Sequence[Frame]) -> list[Frame]:
    seen: list[Frame] = []
    own = True
    for frame in frames:
        # What the guards load later runs as a string; a cell may use strings of its own.
        own = frame.filename != _PRELUDE and (own or frame.filename != _STRING)
        if own:
            seen.append(frame)
    return seen


def _described(frames: Sequence[Frame]) -> Iterable[str]:
    if len(frames) <= _MAX_FRAMES:
        return [line for frame in frames for line in _lines_of(frame, frames[0].filename)]
    half = _MAX_FRAMES // 2
    ends = [_lines_of(frame, frames[0].filename) for frame in (*frames[:half], *frames[-half:])]
    gap = [f"  ... {len(frames) - _MAX_FRAMES} more calls ..."]
    return [line for part in (*ends[:half], gap, *ends[half:]) for line in part]


def _lines_of(frame: Frame, cell: str) -> list[str]:
    where = "cell" if frame.filename == cell else "earlier cell"
    head = f'  File "<{where}>", line {frame.line}, in {frame.function_name or "<module>"}'
    source = _source(frame)
    return [head, f"    {source}"] if source else [head]


def _source(frame: Frame) -> str:
    line = (frame.source_line or "").strip()[:200]
    head, shown, tail = line.partition(f"{SHOW}((")
    return f"{head}{tail.rpartition('))')[0] or tail}" if shown else line
