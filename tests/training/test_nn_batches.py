"""Batches of examples: all of them, each once, the same wherever a training takes them up."""

from itertools import islice

import pytest

from training.examples import Example, example
from training.nn.batches import GROUPS, POOL_BATCHES, Batch, Encoded, batches, shared
from training.nn.schedule import LAST, WARM_UP, rate

ROWS = GROUPS


def as_bytes(each: Example) -> Encoded:
    """Each byte a token: the prompt, then what is to be written."""
    prompt, written = each.messages[-1].content.encode(), each.completion.encode()
    return Encoded([*prompt, *written], [*[False] * len(prompt), *[True] * len(written)])


def unpadded(batch: Batch) -> list[tuple[int, ...]]:
    """What each row is to be learned from: its tokens up to the last that is to be written."""
    ends = [max(at for at, wanted in enumerate(written) if wanted) for written in batch.written]
    return [tuple(row[: end + 1]) for row, end in zip(batch.tokens, ends, strict=True)]


@pytest.mark.parametrize("start", [1, POOL_BATCHES - 1, POOL_BATCHES, POOL_BATCHES + 3])
def test_batches_taken_up_at_a_number_are_those_of_the_stream_from_there(start: int) -> None:
    whole = list(islice(batches(as_bytes, 3, ROWS), POOL_BATCHES + 5))
    assert list(islice(batches(as_bytes, 3, ROWS, start=start), POOL_BATCHES + 5 - start)) == whole[start:]


def test_every_example_of_a_pool_is_in_one_of_its_batches() -> None:
    drawn = [as_bytes(example(4, number)) for number in range(POOL_BATCHES * ROWS)]
    shown = islice(batches(as_bytes, 4, ROWS), POOL_BATCHES)
    rows = [row for groups in shown for group in groups for row in unpadded(group)]
    assert sorted(rows) == sorted(tuple(each.tokens) for each in drawn)


@pytest.mark.parametrize("parts", [1, 2])
def test_the_processes_share_a_batch_without_loss(parts: int) -> None:
    groups = next(batches(as_bytes, 5, 2 * ROWS))
    given = [shared(groups, part, parts) for part in range(parts)]
    assert {len(each) for each in given} == {GROUPS // parts}
    assert sorted(id(group) for each in given for group in each) == sorted(map(id, groups))


@pytest.mark.parametrize("steps", [2, 20, 7_500])
def test_the_rate_warms_up_to_its_peak_and_ends_low(steps: int) -> None:
    warm = max(1, round(steps * WARM_UP))
    rates = [rate(step, steps) for step in range(steps)]
    assert rates[0] == pytest.approx(1 / warm)
    assert max(rates) == 1.0 == rates[warm - 1]
    assert rates[warm:] == sorted(rates[warm:], reverse=True)
    assert rate(steps, steps) == pytest.approx(LAST)
