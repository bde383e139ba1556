"""Worlds with failures, cancels and deaths: what their processes count is what the journals say, and nothing twice."""

from collections import defaultdict
from collections.abc import Sequence

import pytest

from rao_runtime.core.events import Event, EventType
from rao_runtime.core.state import TreeState, fold
from rao_runtime.ports import Observer
from rao_runtime.telemetry.metrics import Metrics
from tests.sim.directed import Parts, root, scene
from tests.sim.explore import run_seed
from tests.sim.faults import Kill
from tests.sim.play import gather
from tests.sim.world import Setup, World
from tests.unit.metric_page import MetricPage

PARTS: Parts = {"root": [gather("a", "b") + "\nfinish(sum(rs))"], "a": ["x = 1", "finish(x)"]}

Figures = defaultdict[tuple[str, ...], float]


class Scraper:
    """An onlooker. Reads the metrics of all processes of a world; `exact`: none of them died with news untold."""

    def __init__(self, *, exact: bool) -> None:
        self._exact = exact
        self._processes = list[Metrics]()

    def observers(self, world: World) -> Sequence[Observer]:
        """That of the process that starts now."""
        self._processes.append(Metrics(world.clock))
        return [self._processes[-1].trees]

    async def problems(self, world: World, tree_id: str) -> Sequence[str]:
        """How the sums over all processes differ from those over all journals; asked once, with the last tree."""
        if tree_id != world.trees[-1]:
            return ()
        counted, real = Figures(float), Figures(float)
        for metrics in self._processes:
            add_counted(counted, MetricPage.read(metrics.text()))
        for each in world.trees:
            add_told(real, await world.events(each))
        off = {key: counted[key] - real[key] for key in {*counted, *real}}
        return [
            f"metrics: {key} is {by:g} off what there was"
            for key, by in off.items()
            if by > 1e-6 or (self._exact and by < -1e-6)
        ]


def add_counted(found: Figures, page: MetricPage) -> None:
    """Add the figures of a page, by name and labels."""
    kept = {
        "rao_tokens_total": ("kind",),
        "rao_cost_usd_total": (),
        "rao_calls_total": (),
        "rao_attempts_total": ("outcome",),
        "rao_nodes_total": ("depth", "status", "reason"),
        "rao_turns_total": (),
        "rao_refusals_total": ("limit",),
        "rao_trees_total": ("status",),
        "rao_journal_events_total": (),
        "rao_tree_nodes_sum": (),
        "rao_cell_seconds_sum": (),
    }
    for sample in page.samples:
        if sample.name in kept:
            found[(sample.name, *(sample.labels[label] for label in kept[sample.name]))] += sample.value


def add_told(found: Figures, events: Sequence[Event]) -> None:
    """Add the same figures of a journal, by its fold."""
    state = fold(events[0].tree_id, events)
    # The first event is in the journal before anybody owns the tree.
    found["rao_journal_events_total",] += len(events) - 1
    found["rao_calls_total",] += state.usage.calls
    found["rao_cost_usd_total",] += float(state.cost)
    for kind in ("input", "cached", "output", "wasted"):
        found["rao_tokens_total", kind] += getattr(state.usage, f"{kind}_tokens")
    add_nodes(found, state)
    add_work(found, events)


def add_nodes(found: Figures, state: TreeState) -> None:
    for node in state.nodes.values():
        if node.ended_at is not None:
            reason = "" if node.error is None else node.error["reason"]
            depth = str(node.depth) if node.depth < 9 else "9+"
            found["rao_nodes_total", depth, node.status.value, reason] += 1
    if state.has_ended:
        found["rao_trees_total", str(state.status)] += 1
        found["rao_tree_nodes_sum",] += len(state.nodes)


def add_work(found: Figures, events: Sequence[Event]) -> None:
    for event in events:
        match event.type:
            case EventType.NODE_TURN:
                found["rao_turns_total",] += 1
            case EventType.NODE_OUTPUT:
                found["rao_cell_seconds_sum",] += event.data["cell_s"]
            case EventType.NODE_REFUSED:
                found["rao_refusals_total", event.data["reason"]] += 1
            case EventType.CALL_COMPLETED:
                found["rao_attempts_total", "completed"] += 1
            case EventType.CALL_FAILED:
                kind = event.data["error"]["kind"]
                found["rao_attempts_total", kind if kind in {"canceled", "interrupted"} else "failed"] += 1
            case _:
                pass


@pytest.mark.parametrize("seed", range(30))
def test_counters_say_what_the_journals_of_this_seed_say(seed: int) -> None:
    run_seed(seed, onlooker=Scraper(exact=True))


@pytest.mark.parametrize("seed", range(4_000, 4_010))
def test_counters_say_what_the_journals_say_though_one_attempt_in_ten_fails(seed: int) -> None:
    run_seed(seed, failing=True, onlooker=Scraper(exact=True))


@pytest.mark.parametrize("seed", range(2_000, 2_040))
def test_nothing_is_counted_twice_though_processes_die_and_others_go_on(seed: int) -> None:
    run_seed(seed, deaths=True, onlooker=Scraper(exact=False))


@pytest.mark.parametrize("gently", [False, True], ids=["killed", "stopped"])
@pytest.mark.parametrize("append", range(2, 12))
def test_all_is_counted_once_wherever_its_process_ended_before_an_append(append: int, gently: bool) -> None:
    scraper = Scraper(exact=True)

    async def act(world: World) -> None:
        await world.submit(root())
        await world.settle()
        assert await scraper.problems(world, world.trees[-1]) == []

    kills = {(0, append): Kill(append, written=False, gently=gently)}
    scene(PARTS, act, Setup(kills=kills, observers=scraper.observers))


def test_a_takeover_is_counted_by_who_takes_over() -> None:
    processes = list[Metrics]()

    def observers(world: World) -> Sequence[Observer]:
        processes.append(Metrics(world.clock))
        return [processes[-1].trees]

    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.NODE_SPLIT)
        await world.crash()
        await world.restart()
        await world.settle()

    scene(PARTS, act, Setup(observers=observers))
    pages = [MetricPage.read(metrics.text()) for metrics in processes]
    assert [page.total("rao_takeovers_total") for page in pages] == [0, 1]
    assert [page.total("rao_trees_total", status="completed") for page in pages] == [0, 1]
