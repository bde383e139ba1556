"""Everything a run follows from, drawn from one seed: the replica's pace, the trees, the kills and their moments."""

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SHAPES = ((3,), (5,), (2, 2), (3, 2), (4, 3), (2, 2, 2), (8,))
# Enough for any of these trees, however often it is interrupted.
RICH_TOKENS = 20_000_000
# A little more than a call of these trees reserves: the trees that may run out do so in any of their turns.
CALL_TOKENS = 1_200
COMPLETION_TOKENS = 300
MAX_NODES = 64


class Blow(StrEnum):
    """What is done to the server: SIGKILL; the same once more while it recovers; SIGTERM; SIGKILL of its store."""

    KILL = "kill"
    TWICE = "twice"
    TERM = "term"
    STORE = "store"

    @property
    def signals(self) -> int:
        """How many processes it kills."""
        return 2 if self is Blow.TWICE else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One blow: after so many further calls have reached the replica, and a moment. The second of two comes `again_s`
    after the restart began."""

    blow: Blow
    arrivals: int
    delay_s: float
    again_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TreePlan:
    """One tree: its goal, the only right answer, and its limits. A poor one may run out of tokens instead."""

    goal: str
    answer: int
    max_tokens: int
    context: str | None

    @property
    def is_poor(self) -> bool:
        """Whether it may fail for want of tokens."""
        return self.max_tokens < RICH_TOKENS

    def body(self) -> dict[str, Any]:
        """The task as it is sent."""
        return {
            "goal": self.goal,
            "context": self.context,
            "mode": "recursive",
            "limits": {"max_tokens": self.max_tokens, "max_nodes": MAX_NODES},
            "sampling": {"max_tokens": COMPLETION_TOKENS},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One run. `width` trees are in flight at any time until all kills are done; a call takes some `latency_s`."""

    seed: int
    latency_s: float
    chunk_tokens: int
    slots: int
    turns: int
    context_chars: int
    width: int
    kills: tuple[Kill, ...]

    def tree(self, index: int) -> TreePlan:
        """The tree that comes as the `index`-th, from 0."""
        return draw_tree(random.Random(f"tree/{self.seed}/{index}"), self.turns)

    def lines(self) -> list[str]:
        """For a human: what was drawn."""
        own = f"latency_s={self.latency_s:.3f} slots={self.slots} turns={self.turns} width={self.width}"
        return [own, *(f"{kill.blow} after {kill.arrivals} calls + {kill.delay_s:.3f} s" for kill in self.kills)]


def draw_scenario(seed: int, signals: int) -> Scenario:
    """The run of this seed, with so many processes killed."""
    draw = random.Random(f"chaos/{seed}")
    return Scenario(
        seed=seed,
        latency_s=draw.uniform(0.02, 0.08),
        chunk_tokens=draw.choice([4, 32, 1_000]),
        slots=draw.choice([4, 16, 64]),
        turns=draw.choice([2, 2, 3]),
        context_chars=draw.choice([0, 0, 300]),
        width=draw.randrange(3, 7),
        kills=tuple(_draw_kills(draw, signals)),
    )


def draw_tree(draw: random.Random, turns: int) -> TreePlan:
    """A tree whose answer is the number of its leaves."""
    shape = draw.choice(SHAPES)
    kind = draw.choice(["tree", "tree", "row"])
    leaves, nodes = 1, 1
    for fanout in shape:
        leaves *= fanout
        nodes += leaves
    poor = draw.random() < 0.15
    return TreePlan(
        goal=" ".join([kind, *map(str, shape)]),
        answer=leaves,
        max_tokens=int(nodes * turns * CALL_TOKENS * draw.uniform(0.8, 4)) if poor else RICH_TOKENS,
        context=draw.choice([None, "a line of text\n" * 20]),
    )


def _draw_kills(draw: random.Random, signals: int) -> list[Kill]:
    kills = list[Kill]()
    left = signals
    while left:
        blow = draw.choices([Blow.KILL, Blow.TWICE, Blow.TERM, Blow.STORE], [12, 3, 2, 3])[0]
        if blow is Blow.TWICE and left == 1:
            blow = Blow.KILL
        kills.append(
            Kill(
                blow=blow,
                arrivals=draw.choice([1, 2, 3, 5, 9]),
                delay_s=draw.choice([0.0, draw.uniform(0, 0.1)]),
                again_s=draw.uniform(0, 0.5),
            )
        )
        left -= blow.signals
    return kills
