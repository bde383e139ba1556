"""A cell's exception as text, in the form the Monty sandbox gives it."""

import traceback
from collections.abc import Iterable, Mapping

from rao_runtime.adapters.sandbox_values import Failed
from rao_runtime.ports import FailedValue


def syntax_error_text(error: SyntaxError | ValueError, code: str) -> str:
    """A cell that does not compile."""
    line = getattr(error, "lineno", None) or 1
    source = (code.splitlines() or [""])[min(line, code.count("\n") + 1) - 1].strip()
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return f'Traceback (most recent call last):\n  File "<cell>", line {line}\n    {source}\nSyntaxError: {message}'


def traceback_text(
    error: BaseException, sources: Mapping[str, str], current: str, failures: Iterable[FailedValue]
) -> str:
    """A traceback of the frames that are in cells; `sources` has every cell's text by its file name."""
    lines = ["Traceback (most recent call last):"]
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename in sources:
            where = "cell" if frame.filename == current else "earlier cell"
            lines.append(f'  File "<{where}>", line {frame.lineno}, in {frame.name}')
            lines.append(f"    {sources[frame.filename].splitlines()[(frame.lineno or 1) - 1].strip()}")
    message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    lines.append(message)
    if f"'{Failed.__name__}'" in message:
        lines += [f"  where {Failed(each.reason, each.message)!r}" for each in failures]
    return "\n".join(lines)
