"""The Python that the oracle writes, kind by kind. Short, since a small model writes it token by token.

Nothing in it knows a word: what a line mentions only ever comes from reading it.
"""

from collections.abc import Mapping, Sequence

from training.goals import Kind

READ_LINES = 6
FAN_OUT = 16

READ = "print(context)"

# Parts are READ_LINES times a power of FAN_OUT, so that all leaves but the last are as long as can be read.
_SPLIT = f"""\
import asyncio
lines = context.splitlines()
size = {READ_LINES}
while size * {FAN_OUT} < len(lines):
    size *= {FAN_OUT}
parts = ["\\n".join(lines[i:i + size]) for i in range(0, len(lines), size)]
"""
_BY_LINE = "import asyncio\nparts = context.splitlines()\n"
_LAUNCH = "rs = await asyncio.gather(*[launch_subagent(GOAL, p) for p in parts])\n"
# Without a failure it prints an empty list.
FAILED = "print(sorted(set([r.reason for r in rs if isinstance(r, Failed)])))"
_AGAIN = """\
bad = [i for i, r in enumerate(rs) if isinstance(r, Failed)]
again = await asyncio.gather(*[launch_subagent(WHAT) for i in bad])
for i, r in zip(bad, again):
    rs[i] = r
"""
_TOP = "finish(min(c, key=lambda w: (-c[w], w), default=None))"
_COUNTER = "from collections import Counter\n"
_ADDED = f"{_COUNTER}c = Counter()\nfor r in rs:\n    c.update(r)\n"

_MERGES: Mapping[Kind, str] = {
    Kind.COUNT: "finish(sum(rs))",
    Kind.COUNT_PERSON: "finish(sum(rs))",
    Kind.DISTINCT: "finish(sorted(set([w for r in rs for w in r])))",
    Kind.MOST_COMMON: _ADDED + _TOP,
    Kind.TALLY: _ADDED + "finish(dict(c))",
    Kind.ANY: "finish(any(rs))",
    Kind.NONE: "finish(all(rs))",
}

IN_ORDER = """\
n = 0
for line in context.splitlines():
    w = line.split()
    if "brings" in w:
        n = min(9, n + int(w[w.index("brings") + 1]))
    if "takes" in w:
        n = max(0, n - int(w[w.index("takes") + 1]))
finish(n)"""


def split(sub_goal: str | None, *, by_line: bool = False) -> str:
    """Split the text, launch a sub-agent for each part, wait, and show why some failed; None passes the own goal on."""
    return _with_goal((_BY_LINE if by_line else _SPLIT) + _LAUNCH + FAILED, sub_goal)


def again(sub_goal: str | None) -> str:
    """Launch those that failed once more, each with its part."""
    return _with_goal(again_with("GOAL, parts[i]"), sub_goal)


def again_with(what: str) -> str:
    """Launch those that failed once more; `what` are the arguments for number `i`."""
    return _AGAIN.replace("WHAT", what) + FAILED


def merge(kind: Kind) -> str:
    """Put the answers `rs` of the parts together."""
    return _MERGES[kind]


def read_named(name: str) -> str:
    """Show the lines that name somebody."""
    return f'print("\\n".join([l for l in context.splitlines() if "{name}" in l]))'


def answer(kind: Kind, found: Sequence[str]) -> str:
    """Finish with what reading has found: the words, one for each hit, in the order of the lines."""
    # A word after a space is one token, the same one that the text and the thought have.
    listed = f'"{"".join(f" {word}" for word in found)}".split()'
    match kind:
        case Kind.DISTINCT:
            return f"finish(sorted(set({listed})))"
        case Kind.TALLY:
            return f"{_COUNTER}finish(dict(Counter({listed})))"
        case Kind.MOST_COMMON:
            return f"{_COUNTER}c = Counter({listed})\n{_TOP}"
        case Kind.ANY:
            return f"finish({bool(found)})"
        case Kind.NONE:
            return f"finish({not found})"
        case _:
            return f"finish({len(found)})"


def fail(kind: str, message: str) -> str:
    """Give up, saying why."""
    return f'fail("{kind}", "{message}")'


def _with_goal(code: str, sub_goal: str | None) -> str:
    return code.replace("GOAL", "goal" if sub_goal is None else f'"{sub_goal}"')
