"""What is left of a tree whose own code broke is closed in order."""

from dataclasses import dataclass
from decimal import Decimal

from rao_runtime.adapters.memory_journal import MemoryJournal
from rao_runtime.core.events import Event, EventType
from rao_runtime.core.pricing import GpuPrice
from rao_runtime.core.state import TreeState, fold
from rao_runtime.core.transitions import Status
from rao_runtime.engine import wreck
from rao_runtime.engine.tree_log import TreeLog
from tests.sim.clock import SimClock
from tests.unit.core.tree_builder import CREATED, STARTED


@dataclass(frozen=True)
class At:
    """Where a node stands."""

    node_id: str
    parent_id: str | None
    depth: int
    fork_step: int | None


ROOT, CHILD = At("root", None, 0, None), At("child", "root", 1, 0)
CALL = {
    "call_id": "child-t0",
    "attempt": 1,
    "turn": 0,
    "replica": "r",
    "sampling": {"max_tokens": 50},
    "reserve": {"tokens": 150, "cost": "0.25"},
}
BORN = {"launch_index": 0, "goal": "g"}
BY_GPU = GpuPrice(gpu_second=Decimal("0.001"), gpus=2, version="v1")
UNPRICED = {"tokens": 150, "cost": None}


async def test_open_calls_and_nodes_are_closed_children_first() -> None:
    journal = MemoryJournal()
    await journal.create("t")
    claim = await journal.claim("t")
    async with TreeLog(journal, SimClock(), TreeState("t"), claim.fence) as log:
        log.record(EventType.TREE_CREATED, CREATED)
        log.record(EventType.TREE_STARTED, STARTED)
        for node in (ROOT, CHILD):
            log.record(EventType.NODE_CREATED, {"launch_index": 0, "goal": "g"}, node)
            log.record(EventType.NODE_STARTED, {}, node)
        log.record(EventType.CALL_STARTED, CALL, CHILD, 0)
        wreck.clear(log)
        log.record(EventType.TREE_FAILED, {"status": "failed"})
        await log.durable()
    events = await journal.read("t")
    ends = [(event.type, event.node_id) for event in events[7:]]
    assert ends == [
        (EventType.CALL_FAILED, "child"),
        (EventType.NODE_FAILED, "child"),
        (EventType.NODE_FAILED, "root"),
        (EventType.TREE_FAILED, None),
    ]
    state = fold("t", events)
    assert state.status is Status.FAILED
    assert state.usage.estimated
    assert (state.usage.input_tokens, state.usage.output_tokens, state.usage.wasted_tokens) == (100, 50, 150)
    assert state.cost == Decimal("0.25")


async def test_calls_priced_by_gpu_seconds_share_what_time_their_replicas_can_have_worked_on_them() -> None:
    journal, clock = MemoryJournal(), SimClock()
    await journal.create("t")
    claim = await journal.claim("t")
    accepted = clock.now() - 1_000.0
    created = {**CREATED, "limits": {"deadline_s": 100.0}, "price": BY_GPU.as_dict()}
    before = [
        Event(seq=1, type=EventType.TREE_CREATED, tree_id="t", ts=accepted, data=created),
        Event(seq=2, type=EventType.TREE_STARTED, tree_id="t", ts=accepted, data=STARTED),
        Event(seq=3, type=EventType.NODE_CREATED, tree_id="t", ts=accepted, node_id="root", depth=0, data=BORN),
        Event(seq=4, type=EventType.NODE_STARTED, tree_id="t", ts=accepted, node_id="root", depth=0),
        *(
            Event(
                seq=5 + turn,
                type=EventType.CALL_STARTED,
                tree_id="t",
                ts=accepted + begun_s,
                node_id="root",
                depth=0,
                turn=turn,
                data={**CALL, "call_id": f"root-t{turn}", "turn": turn, "replica": replica, "reserve": UNPRICED},
            )
            for turn, (replica, begun_s) in enumerate([("r", 40.0), ("r", 80.0), ("other", 70.0)])
        ),
    ]
    async with TreeLog(journal, clock, fold("t", before), claim.fence) as log:
        settled = wreck.close_calls(log, "interrupted", "gone")
    # Until the deadline, 900 s ago: 40 s of `r` alone and 20 s of it together, 30 s of the other; two GPUs each.
    assert [event.data["gpu_s"] for event in settled] == [100.0, 20.0, 60.0]
    assert [event.data["cost"] for event in settled] == ["0.1", "0.02", "0.06"]
    assert all(event.data["usage"]["estimated"] for event in settled)


async def test_what_has_ended_is_left_as_it_is() -> None:
    journal = MemoryJournal()
    await journal.create("t")
    claim = await journal.claim("t")
    async with TreeLog(journal, SimClock(), TreeState("t"), claim.fence) as log:
        log.record(EventType.TREE_CREATED, CREATED)
        log.record(EventType.TREE_STARTED, STARTED)
        log.record(EventType.NODE_CREATED, {"launch_index": 0, "goal": "g"}, ROOT)
        log.record(EventType.NODE_CANCELED, {"error": None}, ROOT)
        before = log.state.last_seq
        wreck.clear(log)
        assert log.state.last_seq == before
