"""The stand-in's KV blocks: who holds them, what is found in them, what goes first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.standin.blocks import Block, BlockPool, Match

A, B = (b"a1", b"a2"), (b"b1", b"b2")


def _hold(pool: BlockPool, names: tuple[bytes, ...]) -> list[Block]:
    """As a request does: share what is there, take and name the rest."""
    hits = pool.match(names).hits
    pool.share(names[:hits])
    blocks: list[Block] = [*names[:hits]]
    for name in names[hits:]:
        pool.take()
        blocks.append(name if pool.name(name) else None)
    return blocks


def test_what_was_released_longest_ago_goes_first_and_of_one_request_its_end() -> None:
    pool = BlockPool(4)
    pool.release(_hold(pool, A))
    pool.release(_hold(pool, B))
    pool.release(_hold(pool, A[:1]))
    left: list[tuple[int, int]] = []
    for _ in range(4):
        pool.take()
        left.append((pool.match(A).hits, pool.match(B).hits))
    assert left == [(1, 2), (1, 1), (1, 0), (0, 0)]


def test_empty_blocks_are_taken_before_cached_ones() -> None:
    pool = BlockPool(3)
    pool.release(_hold(pool, A))
    pool.take()
    assert pool.match(A) == Match(hits=2, live=0)
    assert pool.free == 2


def test_a_block_that_somebody_holds_is_never_given_up() -> None:
    pool = BlockPool(2)
    first, second = _hold(pool, A), _hold(pool, A)
    pool.release(first)
    assert (pool.free, pool.match(A)) == (0, Match(hits=2, live=2))
    with pytest.raises(ValueError, match="no block is free"):
        pool.take()
    pool.release(second)
    assert (pool.free, pool.used) == (2, 0)


def test_a_hit_counts_only_behind_hits() -> None:
    pool = BlockPool(4)
    _hold(pool, A)
    assert pool.match((b"b1", *A)) == Match(hits=0, live=0)


chains = st.lists(st.sampled_from([b"x", b"y", b"z"]), min_size=1, max_size=4).map(
    lambda letters: tuple(b"".join(letters[:end]) for end in range(1, len(letters) + 1))
)


@given(st.integers(4, 12), st.lists(chains | st.integers(0, 5), max_size=40))
def test_held_blocks_and_free_ones_are_always_all_of_them(size: int, acts: list[tuple[bytes, ...] | int]) -> None:
    pool = BlockPool(size)
    held: list[list[Block]] = []
    for act in acts:
        if isinstance(act, tuple):
            match = pool.match(act)
            if len(act) - match.live <= pool.free:
                held.append(_hold(pool, act))
        elif held:
            pool.release(held.pop(act % len(held)))
        shared = {block for blocks in held for block in blocks if block is not None}
        alone = sum(block is None for blocks in held for block in blocks)
        assert pool.used == len(shared) + alone
        assert pool.used + pool.free == size
        assert all(pool.match(blocks[:1]).live == 1 for blocks in ([b for b in row if b] for row in held) if blocks)
