"""The weights that are shipped still know the prompts that are sent: whoever changes a wording must train anew."""

import random
from hashlib import sha256

from rao_runtime.engine.prompt_nano import SYSTEM
from training.evaluation import problems
from training.evaluation.worlds import embedded
from training.goals import Kind


def test_the_system_prompt_is_the_one_the_weights_were_trained_on() -> None:
    # They get by with some other words, a little worse: solving a tree or two does not show it.
    assert sha256(SYSTEM.encode()).hexdigest()[:16] == "ea317c877dfea789"


async def test_the_shipped_model_counts_over_a_text_it_has_to_split() -> None:
    asked = problems.aggregation(random.Random(1), Kind.COUNT, 50)
    async with embedded()(32) as world:
        ended = await world.solve(asked.task)
    assert (ended.status, ended.answer, ended.nodes) == ("completed", asked.truth, 10)


async def test_the_shipped_model_crafts_an_item_of_the_third_tier() -> None:
    asked = problems.order(random.Random(1), 3)
    async with embedded()(32) as world:
        ended = await world.solve(asked.task)
    assert asked.right(ended)
    assert ended.nodes > 1
