"""`python -m tests.browser.replica`: a stand-in whose nodes do as their goal's first word says. Prints its URL."""

import asyncio

from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.request import ChatRequest
from rao_runtime.standin.script import Reply, RuleScript
from rao_runtime.standin.server import StandIn
from rao_runtime.standin.view import View

HOSTILE = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script><b>bold</b> \' " & \u202e'
GATHER = """import asyncio
parts = await asyncio.gather(*[launch_subagent(goal) for goal in {goals!r}])
finish([part.reason if isinstance(part, Failed) else part for part in parts])"""
ONE_BY_ONE = """first = await launch_subagent('STUCK first')
second = await launch_subagent('STUCK second')
finish([first.reason, second.reason])"""
MANY = """import asyncio
goals = ['STUCK'] * {stuck} + ['ROW of {leaves}'] * {rows}
parts = await asyncio.gather(*[launch_subagent(goal) for goal in goals])
finish(len(parts))"""
ROW = """import asyncio
finish(sum(await asyncio.gather(*[launch_subagent(f'LEAF {{i}}') for i in range({leaves})])))"""
CELLS = {
    "LEAF": "finish(1)",
    "FAMILY": GATHER.format(goals=["LEAF one", "FAIL", "PAIR"]),
    "PAIR": GATHER.format(goals=["LEAF two", "LEAF three"]),
    "FAIL": "fail('impossible', 'it cannot be done')",
    "GROWS": ONE_BY_ONE,
    "HOSTILE": f"print({HOSTILE!r})\nfinish({HOSTILE!r})",
    "LONG": "print('a line of output\\n' * 500)\nfinish('x' * 5000)",
}


def rule(request: ChatRequest) -> Reply:
    """STUCK never answers; `MANY 3 4` has 3 children with 4 each, `MANY 3 4 5` also 5 before these that never end."""
    view = View.of(request)
    word, *rest = view.goal.split()
    if word == "STUCK":
        return Reply(fault="hang")
    if word == "MANY":
        code = MANY.format(rows=rest[0], leaves=rest[1], stuck=(*rest, "0")[2])
    elif word == "ROW":
        code = ROW.format(leaves=rest[-1])
    else:
        # A replica that is slow is asked for a word by its server.
        code = CELLS.get(word, CELLS["LEAF"])
    thought = HOSTILE if word == "HOSTILE" else f"The goal says {word}. " * (200 if word == "LONG" else 1)
    return Reply(text=view.action(thought, code))


async def _serve() -> None:
    async with StandIn(StandInConfig(slots=64), RuleScript(rule)) as stand_in:
        print(stand_in.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
