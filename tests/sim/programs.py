"""What simulated agents do: each goal names a kind of behaviour and draws the rest from the seed.

A goal reads `kind levels place`; `levels` is how many generations may follow, `place` makes it unique in its tree. The
same goal always leads to the same program, whatever happened in between, so a replay writes the same.
"""

import random
from collections.abc import Mapping, Sequence

from rao_runtime.core.profile import ProtocolName
from tests.sim.solo import ALONE, NEVER_DONE, RAW, Draw, Goal, Program
from tests.sim.writing import written

AROUND = "rs = await asyncio.gather(*[{launches}])\nok = [r for r in rs if not isinstance(r, Failed)]"
MOST_CHILDREN = 4
WIDE = 24


def completion(goal: str, turn: int, seed: int, protocol: ProtocolName) -> str:
    """What a node with this goal writes in this turn. Once its program is over it gives a plain answer."""
    where = Goal.read(goal)
    draw = random.Random(f"{seed}/{goal}")
    cells = PROGRAMS[where.kind](draw, where)
    if turn < len(cells):
        cell = cells[turn]
    elif where.kind in NEVER_DONE:
        cell = cells[turn % len(cells)].replace("TURN", str(turn))
    else:
        cell = "finish(0)"
    return cell.removeprefix(RAW) if cell.startswith(RAW) else written(cell, protocol)


# --- together --------------------------------------------------------------------------------------------------------


def gathers(draw: Draw, goal: Goal) -> Sequence[str]:
    offer = draw.choice(["publish(len(ok))", "print(ok)", "print(rs)"])
    return [f"import asyncio\n{_around(draw, goal)}\n{offer}", "finish(1 + len(ok))"]


def sums(draw: Draw, goal: Goal) -> Sequence[str]:
    good = "finish(1 + sum(r for r in rs if not isinstance(r, Failed)))"
    return [f"import asyncio\n{_around(draw, goal)}\nfinish(1 + sum(rs))", good]


def wide(draw: Draw, goal: Goal) -> Sequence[str]:
    launches = f"launch_subagent('leaf 0 {goal.place}.' + str(i)) for i in range({draw.randrange(2, WIDE)})"
    return [f"import asyncio\n{AROUND.format(launches=launches)}\nprint(len(ok), 'of', len(rs))", "finish(1 + len(ok))"]


def in_a_row(draw: Draw, goal: Goal) -> Sequence[str]:
    lines = [f"r{i} = await {launch}" for i, launch in enumerate(_launches(draw, goal))]
    return ["\n".join([*lines, "finish(1)"])]


def waves(draw: Draw, goal: Goal) -> Sequence[str]:
    again = "\n".join(f"r = await {launch}" for launch in _launches(draw, goal, "b"))
    return [f"import asyncio\n{_around(draw, goal)}", f"{again}\nprint(r)", "finish(1 + len(ok))"]


def unawaited(draw: Draw, goal: Goal) -> Sequence[str]:
    keeps = "\n".join(f"h{i} = {launch}" for i, launch in enumerate(_launches(draw, goal)))
    return [f"{keeps}\nprint('left alone')", "r = await h0\nprint(isinstance(r, Failed))", "finish(1)"]


def first_only(draw: Draw, goal: Goal) -> Sequence[str]:
    keeps = "\n".join(f"h{i} = {launch}" for i, launch in enumerate(_launches(draw, goal)))
    return [f"{keeps}\nprint(isinstance(await h0, Failed))", "finish(1)"]


def leaves_early(draw: Draw, goal: Goal) -> Sequence[str]:
    keeps = "\n".join(f"h{i} = {launch}" for i, launch in enumerate(_launches(draw, goal)))
    end = draw.choice(["finish(1)", "fail('impossible', 'enough')", "finish(1, check='answer == 1')", "print(1 / 0)"])
    return [f"{keeps}\nr = await h0\n{end}"]


def discards(draw: Draw, goal: Goal) -> Sequence[str]:
    first, *_ = _launches(draw, goal)
    return [f"{first}\nprint('thrown away')", f"r = await {first}\nprint(r)", "finish(1)"]


def limits_children(draw: Draw, goal: Goal) -> Sequence[str]:
    lines = list[str]()
    for index in range(draw.randrange(1, MOST_CHILDREN)):
        limits = {name: draw.choice(LOWER[name]) for name in draw.sample(sorted(LOWER), draw.randrange(1, 4))}
        lines.append(f"h{index} = launch_subagent({str(_child(draw, goal, f'l{index}'))!r}, limits={limits})")
    ends = [f"r{i} = await h{i}\nprint(isinstance(r{i}, Failed))" for i in range(len(lines))]
    return ["\n".join(lines + ends), "finish(1)"]


LOWER: Mapping[str, Sequence[object]] = {
    "max_tokens": (1, 500, 3_000, 20_000),
    "max_nodes": (1, 2, 3),
    "max_turns": (1, 2),
    "max_depth": (0, 1),
    "max_children": (1, 2),
    "deadline_s": (0.5, 5.0, 50.0),
    "max_cost": ("0", "0.0001", "0.01"),
}


def wrong_limits(draw: Draw, goal: Goal) -> Sequence[str]:
    bad = ["{'max_turn': 1}", "{'max_tokens': 'many'}", "{'max_nodes': 0}", "7", "{'max_cost': '-1'}"]
    return [f"r = await launch_subagent('leaf 0 {goal.place}.w', limits={draw.choice(bad)})\nprint(r)", "finish(1)"]


def hands_down(draw: Draw, goal: Goal) -> Sequence[str]:
    """Launches with everything a launch can carry."""
    data = draw.choice(["'text'", "['a', 'b']", "{'a': 'b'}", "[1, {'x': None}]", "'long ' * 2000"])
    kind = draw.choice(["leaf", "mends_type", "mends_value", "stubborn", "own_check"])
    child = f"'{kind} 0 {goal.place}.d', {data}, returns='integer', check='answer > 0'"
    return [f"r = await launch_subagent({child})\nprint(r)", "finish(1)"]


def _around(draw: Draw, goal: Goal) -> str:
    return AROUND.format(launches=", ".join(_launches(draw, goal)))


def _launches(draw: Draw, goal: Goal, mark: str = "") -> list[str]:
    count = draw.randrange(1, MOST_CHILDREN + 1)
    return [f"launch_subagent({str(_child(draw, goal, f'{mark}{index}'))!r})" for index in range(count)]


def _child(draw: Draw, goal: Goal, mark: str) -> Goal:
    place = f"{goal.place}.{mark}"
    if goal.levels < 1:
        return Goal(draw.choice(NAMES_ALONE), 0, place)
    return Goal(any_kind(draw, 0.6), goal.levels - 1, place)


def any_kind(draw: Draw, together: float) -> str:
    """A kind; with this probability one that launches, and then as often as not one of those that grow a tree."""
    if draw.random() >= together:
        return draw.choice(NAMES_ALONE)
    return draw.choice(GROWING if draw.random() < 0.5 else NAMES_TOGETHER)


TOGETHER: Mapping[str, Program] = {
    program.__name__: program
    for program in (
        gathers,
        sums,
        wide,
        in_a_row,
        waves,
        unawaited,
        first_only,
        leaves_early,
        discards,
        limits_children,
        wrong_limits,
        hands_down,
    )
}

PROGRAMS: Mapping[str, Program] = {**ALONE, **TOGETHER}
GROWING = ("gathers", "sums", "waves", "in_a_row")
NAMES_ALONE = tuple(ALONE)
NAMES_TOGETHER = tuple(TOGETHER)
