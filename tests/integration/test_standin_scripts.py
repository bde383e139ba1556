"""The generated replies, run: the toy's arithmetic and the trees' shapes, in the sandbox's own Python."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from pydantic_monty import AsyncMonty, AsyncMontySession, MontyRuntimeError

from rao_runtime.standin.request import ChatMessage, ChatRequest
from rao_runtime.standin.script import Script
from rao_runtime.standin.toy import ToyScript
from rao_runtime.standin.tree import TreeScript

Context = str | list[str] | dict[str, str] | None
TAGGED = "Act as <thought>...</thought><python>...</python>; launch_subagent(goal, context) helps."
FENCED = "Write one block that starts with ```python; launch_subagent(goal, context) helps."
ALONE = "Act as <thought>...</thought><python>...</python>."
# A refused launch is a value, as in the runtime. The host cannot hand over an instance, so None stands for it here.
PRELUDE = """
class Failed:
    def __init__(self, reason):
        self.reason = reason
async def launch_subagent(goal, context=None, returns=None):
    answer = await launch(goal, context)
    return Failed('depth') if answer is None else answer
"""
FRUIT = "Count the lines that mention a kind of fruit."


@dataclass
class Tree:
    """A runtime in small: nodes of one script, each in a REPL of its own, down to `max_depth`."""

    script: Script
    pool: AsyncMonty
    system: str = TAGGED
    max_depth: int = 9
    nodes: int = 0
    turns: int = 0
    depth: int = 0
    sizes: list[int] = field(default_factory=list[int])

    async def solve(self, goal: str, context: Context, depth: int = 0) -> object:
        """The answer of one node."""
        self.nodes += 1
        self.depth = max(self.depth, depth)
        self.sizes.append(_chars(context))
        messages = [
            ChatMessage(role="system", content=self.system),
            ChatMessage(role="user", content=f"context is a text of {_chars(context):,} characters.\nGoal: {goal}"),
        ]
        async with self.pool.checkout(limits={"max_memory": 64 << 20, "max_feed_duration_secs": 10}) as session:
            await session.feed_run(PRELUDE, inputs={"goal": goal, "context": context})
            while True:
                self.turns += 1
                text = self.script.reply(ChatRequest(messages=messages)).text
                answers = await self._cell(session, _code(text, self.system), depth)
                if answers:
                    return answers[0]
                messages += [ChatMessage(role="assistant", content=text), ChatMessage(role="user", content="[Cell]")]

    async def _cell(self, session: AsyncMontySession, code: str, depth: int) -> list[object]:
        answers: list[object] = []

        async def launch(goal: str, context: Context) -> object:
            return None if depth == self.max_depth else await self.solve(goal, context, depth + 1)

        def finish(answer: object) -> None:
            answers.append(answer)
            raise RuntimeError("finished")

        def fail(kind: str, message: str) -> None:
            finish((kind, message))

        lookup = {"launch": launch, "finish": finish, "fail": fail}
        try:
            await session.feed_run(code, external_lookup=lookup)
        except MontyRuntimeError as error:
            if not answers:
                raise AssertionError(f"the cell failed: {error}\n{code}") from error
        return answers


def _chars(context: Context) -> int:
    parts = [context] if isinstance(context, str) else list(context or [])
    return sum(map(len, context.values() if isinstance(context, dict) else parts))


def _code(text: str, system: str) -> str:
    pattern = (
        r"^.+\n\n```python\n(.*)\n```$" if system == FENCED else r"^<thought>.+</thought>\n<python>\n(.*)\n</python>$"
    )
    found = re.match(pattern, text, re.DOTALL)
    assert found, text
    return found[1]


@asynccontextmanager
async def growing(script: Script, *, system: str = TAGGED, max_depth: int = 9) -> AsyncGenerator[Tree]:
    async with AsyncMonty(min_processes=1, max_processes=40) as pool:
        yield Tree(script, pool, system=system, max_depth=max_depth)


def _orchard(lines: int) -> tuple[str, int]:
    kinds = ["An apple fell.", "Nothing here.", "PEARS and plums.", "", "A stone."]
    text = "\n".join(kinds[number % 5] for number in range(lines))
    return text, sum("apple" in line.lower() or "pear" in line.lower() for line in text.splitlines())


@pytest.mark.parametrize("system", [TAGGED, FENCED])
async def test_the_toy_counts_lines_over_a_tree_of_copies(system: str) -> None:
    text, hits = _orchard(300)
    async with growing(ToyScript(bound_chars=300, fanout=3), system=system) as tree:
        assert await tree.solve(FRUIT, text) == hits
    assert tree.depth >= 2
    assert sum(size <= 300 for size in tree.sizes) > tree.nodes / 2


@pytest.mark.parametrize(
    ("goal", "context", "answer"),
    [
        ("Count the lines that mention 'Stone'.", "stone\nno\na STONE\n", 2),
        ("Count the lines which contain error", "an Error\nfine", 1),
        ("In how many lines that mention the word `no` in the context.", "no\nyes\nnow", 2),
        ("How many words are there?", "one two\nthree", 3),
        ("Count the words.", ["one two", "three"], 3),
        ("What is this?", {"a": "x\ny", "b": "z"}, {"lines": 3, "characters": 5}),
        ("Count the words.", None, 0),
        ("Count the lines that mention a kind of spaceship.", "a kind of spaceship\nspaceship", 1),
    ],
)
async def test_the_toy_measures_a_small_context_by_itself_in_one_turn(
    goal: str, context: Context, answer: object
) -> None:
    async with growing(ToyScript()) as tree:
        assert await tree.solve(goal, context) == answer
    assert (tree.nodes, tree.turns) == (1, 1)


@pytest.mark.parametrize("goal", ["Count the words.", "Describe this text."])
async def test_the_toys_answer_does_not_depend_on_how_it_splits(goal: str) -> None:
    text, _ = _orchard(100)
    async with growing(ToyScript(bound_chars=10**9)) as tree:
        alone = await tree.solve(goal, text)
    async with growing(ToyScript(bound_chars=100, fanout=5)) as tree:
        assert await tree.solve(goal, text) == alone
    assert tree.nodes > 10


async def test_the_toy_measures_itself_what_a_refused_copy_cannot() -> None:
    text, hits = _orchard(200)
    async with growing(ToyScript(bound_chars=100, fanout=3), max_depth=1) as tree:
        assert await tree.solve(FRUIT, text) == hits
    assert tree.depth == 1
    assert max(tree.sizes[1:]) > 100


async def test_the_toy_does_not_split_what_has_no_line_end_nor_where_it_may_not_launch() -> None:
    async with growing(ToyScript(bound_chars=10)) as tree:
        assert await tree.solve("Count the words.", "word " * 50) == 50
        assert tree.nodes == 1
        tree.system = ALONE
        assert await tree.solve("Count the words.", "word\n" * 50) == 50
    assert tree.nodes == 2


def test_the_toy_gives_up_after_three_turns() -> None:
    talk = [ChatMessage(role="user", content=FRUIT)]
    for _ in range(3):
        talk += [ChatMessage(role="assistant", content="?"), ChatMessage(role="user", content="Error: no")]
    assert "fail('impossible'" in ToyScript().reply(ChatRequest(messages=talk)).text


@pytest.mark.parametrize(("turns", "taken"), [(1, 13), (2, 26), (3, 39)])
async def test_a_tree_has_the_shape_and_the_turns_it_was_asked_for(turns: int, taken: int) -> None:
    async with growing(TreeScript(turns=turns)) as tree:
        assert await tree.solve("tree 3 3", None) == 9
    assert (tree.nodes, tree.depth, tree.turns) == (13, 2, taken)


async def test_a_tree_without_a_shape_in_its_goal_has_the_scripts() -> None:
    async with growing(TreeScript(fanout=(2,), context_chars=100)) as tree:
        assert await tree.solve("Grow.", None) == 2
    assert tree.sizes == [0, 100, 100]
