"""What is done to a cell's text before it runs."""

import ast
import warnings

SHOW = "_rao_show"
"""The function that shows the value of a last expression."""

MAX_CODE_CHARS = 100_000
"""A longer cell is refused: parsing holds up the event loop for about a millisecond per thousand characters."""


def show_last_value(code: str) -> str:
    """The cell with its last bare expression, if it ends in one, wrapped so that its value is printed.

    Lines keep their numbers. Code this Python cannot parse comes back as it is: the sandbox says what is wrong.
    """
    tree = _parse(code)
    if tree is None or not tree.body or not isinstance(last := tree.body[-1], ast.Expr):
        return code
    lines = code.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: last.lineno - 1])) + last.col_offset
    end = sum(map(len, lines[: (last.end_lineno or last.lineno) - 1])) + (last.end_col_offset or 0)
    text = b"".join(lines)
    return b"".join((text[:start], SHOW.encode(), b"((", text[start:end], b"))", text[end:])).decode()


def is_expression(text: str) -> bool:
    """Whether the text is one expression and nothing else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _parse(code: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
