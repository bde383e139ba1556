"""Deltas say where their text stands in the completion, whoever comes and goes."""

from rao_runtime.adapters.memory_journal import MemoryJournal
from rao_runtime.core.events import NodeDelta
from rao_runtime.engine.delta_feed import DELTA_S, DeltaFeed


class HandClock:
    def __init__(self) -> None:
        self.at = 1_000.0

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


SHAPE = NodeDelta(
    tree_id="t", node_id="n", parent_id=None, depth=0, fork_step=None, turn=0, attempt=1, offset=0, text="", ts=0.0
)


class Listening(MemoryJournal):
    """A journal whose listener comes and goes by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.listened = True
        self.heard = list[tuple[int, str]]()

    def wants_deltas(self, tree_id: str) -> bool:
        return self.listened

    def publish(self, delta: NodeDelta) -> None:
        self.heard.append((delta.offset, delta.text))


def test_text_is_offered_in_pieces_of_time_and_the_rest_at_the_end() -> None:
    journal, clock = Listening(), HandClock()
    feed = DeltaFeed(journal, clock, SHAPE)
    feed.add("ab")
    feed.add("c")
    clock.at += 2 * DELTA_S
    feed.add("d")
    feed.add("e")
    feed.flush()
    feed.flush()
    assert journal.heard == [(0, "abcd"), (4, "e")]


def test_a_listener_that_comes_late_hears_where_it_is() -> None:
    journal, clock = Listening(), HandClock()
    feed = DeltaFeed(journal, clock, SHAPE)
    journal.listened = False
    feed.add("abc")
    journal.listened = True
    feed.add("d")
    feed.flush()
    assert journal.heard == [(3, "d")]


def test_text_that_was_held_for_a_listener_who_left_is_not_told_to_the_next_at_a_wrong_place() -> None:
    journal, clock = Listening(), HandClock()
    feed = DeltaFeed(journal, clock, SHAPE)
    feed.add("held")
    journal.listened = False
    feed.add(" and skipped")
    journal.listened = True
    feed.add(", heard")
    feed.flush()
    assert journal.heard == [(16, ", heard")]
