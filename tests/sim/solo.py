"""What simulated agents do on their own: well, badly, or without end. One function a kind; see `programs`."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Draw = random.Random
RAW = "RAW:"


@dataclass(frozen=True, slots=True)
class Goal:
    """What a node is told, taken apart: `kind levels place`."""

    kind: str
    levels: int
    place: str

    @classmethod
    def read(cls, text: str) -> "Goal":
        """The goal of this text."""
        kind, levels, place = text.split()
        return cls(kind, int(levels), place)

    def __str__(self) -> str:
        return f"{self.kind} {self.levels} {self.place}"


Program = Callable[[Draw, Goal], Sequence[str]]


# --- alone -----------------------------------------------------------------------------------------------------------


def leaf(draw: Draw, goal: Goal) -> Sequence[str]:
    return draw.choice(
        [["finish(1)"], ["x = 1\nprint(x)", "finish(x)"], ["print(goal)", "print(context)", "finish(1)"]]
    )


def publisher(draw: Draw, goal: Goal) -> Sequence[str]:
    return ["publish(1)\nprint('so far')", "publish({'best': 2})\nfinish(1)"]


def failing(draw: Draw, goal: Goal) -> Sequence[str]:
    kind = draw.choice(["insufficient_context", "irrelevant_context", "ambiguous_goal", "impossible", "tired"])
    return [f"fail({kind!r}, 'no way to do this')"]


def asks(draw: Draw, goal: Goal) -> Sequence[str]:
    return ["left = budget()\nprint(left['nodes'] >= 0, left['turns'])", "finish(1, evidence=left['tokens'] >= 0)"]


def loud(draw: Draw, goal: Goal) -> Sequence[str]:
    return [f"print('word ' * {draw.randrange(1, 8_000)})", "finish(1)"]


def mends_type(draw: Draw, goal: Goal) -> Sequence[str]:
    return ["finish('one')", "finish(1.5)", "finish(1)"][draw.randrange(3) :]


def mends_value(draw: Draw, goal: Goal) -> Sequence[str]:
    return ["finish(-1)", "try:\n    finish(-2)\nexcept ValueError:\n    finish(1)"][draw.randrange(2) :]


def stubborn(draw: Draw, goal: Goal) -> Sequence[str]:
    return [f"finish({-n})" for n in range(1, 9)]


def own_check(draw: Draw, goal: Goal) -> Sequence[str]:
    return [
        "finish(2, check='answer > 2')",
        "finish(1, check='answer == 1 and undefined')",
        "finish(1, check='answer')",
    ]


def unfit(draw: Draw, goal: Goal) -> Sequence[str]:
    bad = ["{1, 2}", "lambda: 1", "10 ** 30", "float('nan')", "{1: 2}", "b'x'", "Failed('a', 'b')"]
    return [f"finish({draw.choice(bad)})", "finish(1)"]


# --- badly -----------------------------------------------------------------------------------------------------------


def garbage(draw: Draw, goal: Goal) -> Sequence[str]:
    text = "".join(chr(draw.randrange(32, 0x2FF)) for _ in range(draw.randrange(400)))
    return [RAW + text, RAW, RAW + "<python>", RAW + "```python\n```", "finish(1)"][draw.randrange(4) :]


def chatty(draw: Draw, goal: Goal) -> Sequence[str]:
    return [RAW + "and so on, " * 400, written_open("x = 1\n" * 400), "finish(1)"][draw.randrange(2) :]


def written_open(code: str) -> str:
    """A completion that its length cuts inside the code, in either protocol."""
    return f"{RAW}<python>\n```python\n{code}"


def broken(draw: Draw, goal: Goal) -> Sequence[str]:
    bad = ["print(1 / 0)", "print(nothing_of_this_name)", "def f(:", "raise ValueError('x')", "assert False, goal"]
    return [draw.choice(bad), "finish(1)"]


def unknown_calls(draw: Draw, goal: Goal) -> Sequence[str]:
    bad = ["finish()", "publish()", "fail('impossible', 'a', 'b')", "budget(1)", "await launch_subagent()"]
    return [draw.choice(bad), "await launch_subagent(7)", "finish(1)"]


def same_again(draw: Draw, goal: Goal) -> Sequence[str]:
    return ["print('again')"]


def in_circles(draw: Draw, goal: Goal) -> Sequence[str]:
    return ["print('a')", "print('b')", "print('c')"]


def never_done(draw: Draw, goal: Goal) -> Sequence[str]:
    return ["print('not done in turn', TURN)"]


NEVER_DONE = frozenset({"same_again", "in_circles", "never_done"})

ALONE: Mapping[str, Program] = {
    program.__name__: program
    for program in (
        leaf,
        publisher,
        failing,
        asks,
        loud,
        mends_type,
        mends_value,
        stubborn,
        own_check,
        unfit,
        garbage,
        chatty,
        broken,
        unknown_calls,
        same_again,
        in_circles,
        never_done,
    )
}
