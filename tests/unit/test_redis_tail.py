"""What an owner can give back."""

from rao_runtime.adapters.redis_tail import KEPT_S, MAX_BYTES, Tail


def fields(first: int, last: int, size: int = 1) -> list[tuple[str, bytes]]:
    return [("e", b"%d" % seq + b"." * size) for seq in range(first, last + 1)]


def test_what_was_written_last_can_be_had_again() -> None:
    tail = Tail(3)
    tail.add(fields(4, 6), 0.0)
    tail.add(fields(7, 7), 1.0)
    assert tail.since(3) == fields(4, 7)
    assert tail.since(5) == fields(6, 7)
    assert tail.since(7) == []
    assert tail.since(2) is None


def test_what_is_old_is_forgotten() -> None:
    tail = Tail(0)
    tail.add(fields(1, 2), 0.0)
    tail.add(fields(3, 3), 1.0)
    tail.forget(KEPT_S)
    assert len(tail) == 3
    tail.forget(KEPT_S + 0.5)
    assert tail.since(1) is None
    assert tail.since(2) == fields(3, 3)
    tail.forget(KEPT_S + 2)
    assert len(tail) == 0
    assert tail.since(3) == []


def test_a_tail_has_a_bounded_size() -> None:
    tail = Tail(0)
    for seq in range(1, 11):
        tail.add(fields(seq, seq, size=MAX_BYTES // 4), 0.0)
    assert len(tail) == 3
    assert tail.starts_after == 7
