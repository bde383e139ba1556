"""The stand-in's KV scheduler in worlds of any shape: nobody is lost, nothing is invented, the order holds."""

from math import inf

from hypothesis import event, given
from hypothesis import strategies as st

from rao_runtime.standin.decisions import KvLimits
from tests.unit.kv_world import Plan, World

LONGEST_PROMPT = 40
LONGEST_TEXT = 24

# Few different pieces, so that prompts share beginnings, and what one writes is what another is asked.
pieces = st.lists(st.sampled_from([(1,) * 5, (2,) * 5, (3,) * 3, (4,)]), min_size=1, max_size=8)
tokens = pieces.map(lambda chosen: tuple(token for piece in chosen for token in piece))
plans = st.builds(
    Plan,
    prompt=tokens,
    text=tokens.map(lambda text: text[:LONGEST_TEXT]) | st.just(()),
    priority=st.integers(-1, 1),
    arrives_s=st.sampled_from([0.0, 0.0, 0.05, 0.3, 1.0]),
    leaves_s=st.none() | st.none() | st.sampled_from([0.0, 0.1, 0.5, 2.0]),
    chunk=st.integers(1, 6),
    chunk_s=st.sampled_from([0.0, 0.1]),
)


@st.composite
def scarce(draw: st.DrawFn) -> KvLimits:
    """Just enough for the longest request alone, or a little more."""
    size = draw(st.integers(1, 5))
    alone = -(-(LONGEST_PROMPT + LONGEST_TEXT) // size)
    return KvLimits(
        blocks=alone + draw(st.sampled_from([0, 0, 1, 5, 20])),
        block_size=size,
        slots=draw(st.integers(1, 5)),
        step_tokens=draw(st.integers(1, 50)),
        tokens_per_s=draw(st.sampled_from([50.0, 1000.0, inf])),
    )


@given(scarce(), st.lists(plans, min_size=1, max_size=10))
def test_whatever_comes_everybody_ends_with_the_whole_text_and_the_blocks_are_free_again(
    measures: KvLimits, asked: list[Plan]
) -> None:
    world = World(measures, asked)
    world.run()
    for caller in world.callers:
        assert caller.left or tuple(caller.produced) == caller.plan.text
        assert caller.ended_s is not None or caller.left
    assert world.scheduler.used_blocks == 0
    assert (world.scheduler.waiting, world.scheduler.running) == (0, 0)
    event(f"preempted: {any(caller.preemptions for caller in world.callers)}")


@given(scarce(), st.lists(plans, min_size=1, max_size=10))
def test_the_same_world_runs_the_same_way_twice(measures: KvLimits, asked: list[Plan]) -> None:
    first, second = World(measures, asked), World(measures, asked)
    first.run()
    second.run()
    assert first.admitted == second.admitted
    assert first.callers == second.callers


@given(st.lists(tokens, min_size=1, max_size=6), st.integers(1, 5))
def test_where_nothing_is_ever_evicted_a_prompt_hits_exactly_what_came_before_it(
    prompts: list[tuple[int, ...]], block_size: int
) -> None:
    ample = KvLimits(blocks=10_000, block_size=block_size, slots=1, step_tokens=100, tokens_per_s=inf)
    world = World(ample, [Plan(prompt=prompt) for prompt in prompts])
    world.run()
    seen = set[bytes]()
    for caller in world.callers:
        prompt = caller.plan.prompt
        expected = 0
        for name in caller.names[: (len(prompt) - 1) // block_size]:
            if name not in seen:
                break
            expected += block_size
        assert caller.cached == expected
        seen.update(caller.names)


crowds = st.lists(
    st.builds(
        Plan,
        prompt=st.integers(20, LONGEST_PROMPT).map(lambda size: (size,) * size),
        text=st.integers(12, LONGEST_TEXT).map(lambda size: tuple(range(size))),
        priority=st.integers(-1, 1),
        chunk=st.integers(1, 6),
    ),
    min_size=3,
    max_size=8,
)


@given(scarce(), crowds)
def test_preemption_and_a_scarce_cache_change_when_but_never_what(measures: KvLimits, asked: list[Plan]) -> None:
    ample = KvLimits(blocks=10_000, block_size=measures.block_size, slots=99, step_tokens=9999, tokens_per_s=inf)
    tight, easy = World(measures, asked), World(ample, asked)
    tight.run()
    easy.run()
    assert [caller.produced for caller in tight.callers] == [caller.produced for caller in easy.callers]
    assert not any(caller.preemptions for caller in easy.callers)
    event(f"preempted: {any(caller.preemptions for caller in tight.callers)}")
