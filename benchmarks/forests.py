"""Forests of trees whose children inherit their parent's text, grown from a seed alone; the same in every process.

The goal of a child is its parent's whole goal, then a part of its own: what a prompt of it shares with its siblings' is
all that their parent had. Lengths are in tokens of `CHARS_PER_TOKEN` characters, which a server must be told
(`chars_per_token` of the stand-in): at four the longest goal would be more than the 64 Ki characters it may have.
"""

import math
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

CHARS_PER_TOKEN = 2
DEPTH = 3

_FANOUT = (2, 6)
# The share of nodes of each depth that launch; with that a tree has some 35 calls.
_LAUNCHING = (1.0, 0.5, 0.3, 0.0)
_TWO_TURNS = 0.5
# No shorter than a cell that launches.
_SHORTEST_TOKENS, _LONGEST_TOKENS = 160, 1500
_MARK = re.compile(r"\n\[forest (\w+) (\d+) (\d+) ((?:\d+\.)*\d+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One load. Every node has `own_tokens` of text of its own; a replica's KV cache holds `kv_tokens`.

    Completions are lognormal, with this median and spread of their logarithm.
    """

    name: str
    trees: int
    own_tokens: int
    kv_tokens: int
    median_tokens: int = 220
    spread: float = 0.6


AMPLE = Scenario(name="ample", trees=36, own_tokens=4_000, kv_tokens=200_000)
SCARCE = Scenario(name="scarce", trees=30, own_tokens=8_000, kv_tokens=120_000)
SCENARIOS: Mapping[str, Scenario] = {scenario.name: scenario for scenario in (AMPLE, SCARCE)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node: where it stands, how many children it launches in its first turn, and what each turn writes, in tokens.

    `path` are the numbers of its ancestors and its own among their siblings; the root's is `(0,)`.
    """

    scenario: Scenario
    seed: int
    tree: int
    path: tuple[int, ...]
    fanout: int
    turns: tuple[int, ...]

    @property
    def children(self) -> Iterator["Node"]:
        """In the order of their launches."""
        return (node_at(self.scenario, self.seed, self.tree, (*self.path, number)) for number in range(self.fanout))

    @property
    def nodes(self) -> Iterator["Node"]:
        """It and all below it."""
        yield self
        for child in self.children:
            yield from child.nodes

    @property
    def label(self) -> str:
        """What no other node of any forest is called."""
        return f"{self.scenario.name} {self.seed} {self.tree} {'.'.join(map(str, self.path))}"

    @property
    def own_part(self) -> str:
        """The end of its goal: text of its own, then a mark by which it is known."""
        return own_text(self.label, self.scenario.own_tokens * CHARS_PER_TOKEN) + mark(self.label)


def own_text(label: str, chars: int) -> str:
    """Text that no two nodes share; the cells of the script write the same."""
    line = f"\nWhat {label} knows. "
    return (line * (chars // len(line) + 1))[:chars]


def mark(label: str) -> str:
    """The last line of a goal."""
    return f"\n[forest {label}]"


def node_at(scenario: Scenario, seed: int, tree: int, path: tuple[int, ...]) -> Node:
    """The node of this place, whether or not its tree reaches so far."""
    luck = random.Random(f"{scenario.name} {seed} {tree} {path}")
    launches = luck.random() < _LAUNCHING[len(path) - 1]
    fanout = luck.randint(*_FANOUT) if launches else 0
    turns = 2 if fanout or luck.random() < _TWO_TURNS else 1
    drawn = (luck.lognormvariate(math.log(scenario.median_tokens), scenario.spread) for _ in range(turns))
    lengths = tuple(min(max(int(tokens), _SHORTEST_TOKENS), _LONGEST_TOKENS) for tokens in drawn)
    return Node(scenario=scenario, seed=seed, tree=tree, path=path, fanout=fanout, turns=lengths)


def roots(scenario: Scenario, seed: int, trees: int | None = None) -> tuple[Node, ...]:
    """The roots of a forest, all trees of the scenario or the first few."""
    return tuple(node_at(scenario, seed, tree, (0,)) for tree in range(scenario.trees if trees is None else trees))


def lone_leaf(scenario: Scenario, seed: int, tree: int) -> Node:
    """A node that launches nothing, asked for as a tree of its own: to warm a server up."""
    return node_at(scenario, seed, tree, (0,) * (DEPTH + 1))


def node_of(goal: str) -> Node | None:
    """The node that has this goal, None where it is of no forest; of several marks the last tells."""
    found = _MARK.search(goal, max(0, goal.rfind("\n[forest ")))
    if found is None:
        return None
    path = tuple(map(int, found[4].split(".")))
    return node_at(SCENARIOS[found[1]], int(found[2]), int(found[3]), path)
