"""What is wrong with a cell before it runs, and when cells go round in circles.

Only what is certain from the text is rejected: a name for a launch under another name is not chased.
"""

import ast
import warnings
from collections.abc import Sequence

MAX_CHARS = 100_000

_LAUNCH = "launch_subagent"
_GATHER = "gather"

_KEEP = "Keep it: `result = await launch_subagent(...)`"
_KEEP_ALL = "Keep them: `results = await asyncio.gather(*[launch_subagent(...) for ...])`"


def problem(code: str) -> str | None:
    """Why this cell must not run, in words the model can act on, or None.

    A cell may not be endless, and may not throw a launch's result away: one that is not awaited and kept nowhere, or
    awaited where its value goes nowhere. The value of the cell's last statement is shown, so that one may stand alone.
    Code that is not Python is left to the sandbox, which says so better.
    """
    if len(code) > MAX_CHARS:
        return f"Your code has {len(code):,} characters; a cell may have {MAX_CHARS:,}. Nothing ran. Write less."
    if _LAUNCH not in code and _GATHER not in code:
        return None
    try:
        with warnings.catch_warnings():
            # The parser warns of odd escapes in string literals; this is the model's code, nobody here would read it.
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return None
    except (RecursionError, MemoryError):
        return "Your code is nested too deeply to be read. Nothing ran. Write it flatter."
    return _discarded_launch(tree)


def repeats(codes: Sequence[str], *, period: int = 3, times: int = 4) -> int | None:
    """The length of the pattern that the last cells repeat `times` times, white space aside, or None.

    Patterns of up to `period` cells count; the shortest is named.
    """
    recent = [" ".join(code.split()) for code in codes[-period * times :]]
    for length in range(1, period + 1):
        window = recent[-length * times :]
        if len(window) == length * times and window == window[:length] * times:
            return length
    return None


def _discarded_launch(tree: ast.Module) -> str | None:
    alone = [node for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    shown = tree.body[-1] if tree.body else None
    for statement in sorted(alone, key=lambda node: (node.lineno, node.col_offset)):
        fault = _fault(statement.value, shown=statement is shown)
        if fault is not None:
            return f"Line {statement.lineno}: {fault} Nothing ran."
    return None


def _fault(value: ast.expr, *, shown: bool) -> str | None:
    if isinstance(value, ast.Await):
        if shown or not _launches(value.value):
            return None
        many = not _calls(value.value, _LAUNCH)
        return f"the answer of what you launch here is thrown away. {_KEEP_ALL if many else _KEEP}."
    if _calls(value, _GATHER):
        return f"gather(...) is not awaited. {_KEEP_ALL}."
    if _calls(value, _LAUNCH):
        return f"launch_subagent(...) is neither awaited nor kept. {_KEEP}."
    if _launches(value) and not (shown and _awaits(value)):
        return f"what you launch here is thrown away. {_KEEP_ALL}."
    return None


def _launches(value: ast.expr) -> bool:
    """Whether the value is a launch, a gather of launches, or a display or comprehension of them."""
    return any(_calls(part, _LAUNCH) for part in _parts(value))


def _awaits(value: ast.expr) -> bool:
    """Whether every launch in a display or comprehension is awaited in it."""
    return all(isinstance(part, ast.Await) for part in _parts(value, through_await=False) if _launches(part))


def _parts(value: ast.expr, *, through_await: bool = True) -> list[ast.expr]:
    """The expressions whose values make up this one's, without a call of anything but gather in between."""
    parts = list[ast.expr]()
    open_parts = [value]
    while open_parts:
        part = open_parts.pop()
        match part:
            case ast.List() | ast.Tuple() | ast.Set():
                open_parts += part.elts
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                open_parts.append(part.elt)
            case ast.Starred():
                open_parts.append(part.value)
            case ast.Await() if through_await:
                open_parts.append(part.value)
            case ast.Call() if _calls(part, _GATHER):
                open_parts += part.args
            case _:
                parts.append(part)
    return parts


def _calls(value: ast.expr, name: str) -> bool:
    if not isinstance(value, ast.Call):
        return False
    called = value.func
    if isinstance(called, ast.Attribute):
        return (
            name == _GATHER
            and called.attr == name
            and isinstance(called.value, ast.Name)
            and called.value.id == "asyncio"
        )
    return isinstance(called, ast.Name) and called.id == name
