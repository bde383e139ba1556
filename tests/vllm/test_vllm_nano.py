"""The small model that comes with the project, served by a real vLLM: whole trees of its own making."""

import asyncio
import random
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest

from rao_runtime.adapters.openai_http import OpenAiReplica
from rao_runtime.config.built_in import RAO_NANO
from rao_runtime.ports import ModelRequest, TextDelta
from tests.contract.processes import program
from tests.vllm.gateway import Gateway
from tests.vllm.replica import VllmProcess
from training.examples import Example, Role, of_role
from training.goals import Kind
from training.tasks import Exercise, draw_exercise

SEED = "vllm"
LINES = 120
LEAVES = 20


@pytest.fixture(scope="module")
def urls(vllm_python: str, nano_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[str, str]]:
    """Of a server, and of its replica."""
    folder = tmp_path_factory.mktemp("nano")
    process = VllmProcess(vllm_python, nano_weights, [RAO_NANO.model], folder / "vllm.log", weights="auto", slots=32)
    process.start()
    try:
        settings = {"RAO_REPLICAS": process.url, "RAO_PORT": "0", "RAO_DATA_DIR": str(folder / "data")}
        with program("server", **settings) as (_, url):
            yield url, process.url
    finally:
        process.kill()


@pytest.fixture
def replica_url(urls: tuple[str, str]) -> str:
    return urls[1]


@pytest.fixture
async def nano(urls: tuple[str, str]) -> AsyncGenerator[Gateway]:
    async with httpx.AsyncClient(base_url=urls[0], timeout=60) as http:
        yield Gateway(http)


async def sampled(replica: OpenAiReplica, number: int, each: Example) -> str:
    request = ModelRequest(
        request_id=f"sampled-{number}",
        model=RAO_NANO.model,
        messages=each.messages,
        max_tokens=256,
        temperature=0.7,
        stop=("</python>",),
    )
    async with aclosing(replica.stream(request)) as stream:
        return "".join([item.text async for item in stream if isinstance(item, TextDelta)])


def exercise(kind: Kind) -> Exercise:
    return draw_exercise(random.Random(SEED), kind, LINES, held_out=True)


async def solved(nano: Gateway, task: Exercise, **fields: object) -> dict[str, Any]:
    tree = await nano.solve(RAO_NANO.model, task.goal, context=task.context, **fields)
    assert tree["status"] == "completed", tree
    return tree


async def test_it_splits_a_long_text_reads_all_parts_and_adds_them_up(nano: Gateway) -> None:
    task = exercise(Kind.COUNT)
    tree = await solved(nano, task)
    assert tree["nodes"] == {"total": LEAVES + 3, "completed": LEAVES + 3, "failed": 0, "canceled": 0, "max_depth": 2}
    assert isinstance(task.truth, int)
    assert abs(tree["answer"] - task.truth) <= 1, (tree["answer"], task.truth)


async def test_its_samples_are_as_good_as_its_likeliest_words(replica_url: str) -> None:
    """Calls of their own: those of a tree have seeds, and of one vLLM 0.32 dies on CPUs ("does not use offset")."""
    rng = random.Random(SEED)
    asked = [of_role(rng, Role.ANSWER, held_out=True) for _ in range(16)]
    replica = OpenAiReplica(replica_url)
    async with asyncio.TaskGroup() as group:
        said = [group.create_task(sampled(replica, number, each)) for number, each in enumerate(asked)]
    await replica.aclose()
    right = sum(f"{task.result()}</python>" == each.completion for task, each in zip(said, asked, strict=True))
    assert right >= 15


async def test_what_it_never_learned_ends_at_once(nano: Gateway) -> None:
    tree = await nano.solve(RAO_NANO.model, "Translate the text into French.", context=exercise(Kind.COUNT).context)
    assert (tree["status"], tree["nodes"]["total"]) == ("failed", 1)
    assert "do not know" in tree["error"]["message"]
