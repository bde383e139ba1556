"""Scripts written by hand: what the node with each goal writes, turn by turn."""

from collections.abc import Mapping, Sequence

from rao_runtime.adapters.scripted_model import Script
from rao_runtime.adapters.scripted_steps import Step
from rao_runtime.core.profile import ProtocolName
from rao_runtime.ports import ModelRequest
from tests.sim.writing import goal_of, turn_of, written

Turn = str | Sequence[Step]


def play(parts: Mapping[str, Sequence[Turn]], protocol: ProtocolName = ProtocolName.RAO) -> Script:
    """A script by goals. Text is a cell, steps are taken as they are; a goal not in `parts`, and every turn after the
    last, is a plain `finish(1)`.
    """

    def script(request: ModelRequest) -> str | Sequence[Step]:
        turns, turn = parts.get(goal_of(request), ()), turn_of(request)
        cell = turns[turn] if turn < len(turns) else "finish(1)"
        return written(cell, protocol) if isinstance(cell, str) else cell

    return script


def gather(*goals: str, **options: object) -> str:
    """The line that launches these and waits for all of them; the options go to each launch."""
    more = "".join(f", {name}={value!r}" for name, value in options.items())
    launches = ", ".join(f"launch_subagent({goal!r}{more})" for goal in goals)
    return f"import asyncio\nrs = await asyncio.gather({launches})"


def gather_many(goal: str, count: int) -> str:
    """The line that launches one goal many times."""
    return f"import asyncio\nrs = await asyncio.gather(*[launch_subagent({goal!r}) for _ in range({count})])"
