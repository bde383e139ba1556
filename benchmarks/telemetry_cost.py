"""What traces cost: CPU of a node with and without, side by side; and whether a tree of 10,000 nodes arrives whole."""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from aiohttp import ClientSession

from benchmarks import command, measure
from benchmarks.figures import Figure, Report
from benchmarks.processes import Program, collector
from benchmarks.shape import LARGE, TURNS, Shape
from benchmarks.worlds import World, session, world

HUGE = Shape((10, 10, 100))
PAIRS = 5
# What a traced server still does after its answer belongs to the tree; the other one is given the same time.
SETTLE_S = 2.0
LONGEST_S = 60.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Spans:
    """What the collector has."""

    spans: int
    different: int
    last: float


@dataclass(frozen=True, slots=True)
class Collector:
    """A client of the collector."""

    http: ClientSession

    async def spans(self) -> Spans:
        """What has come."""
        async with self.http.get("/spans") as answer:
            return Spans(**await answer.json())

    async def reset(self) -> None:
        """Forget it."""
        async with self.http.post("/reset") as answer:
            answer.raise_for_status()

    async def arrived(self, spans: int) -> Spans:
        """What has come once it is so many different ones, or the time is up."""
        until = time.monotonic() + LONGEST_S
        while True:
            found = await self.spans()
            if found.different >= spans or time.monotonic() > until:
                return found
            await asyncio.sleep(POLL_S)


async def run() -> Report:
    """First pairs of equal trees, then the huge one."""
    async with collecting() as (program, there):
        environment = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{program.url}/v1/traces"}
        async with world() as off, world(environment=environment) as on:
            costs = await pairs(off, on)
            at_rest = await there.arrived((PAIRS + 1) * spans_of(LARGE))
        await there.reset()
        async with world(environment=environment) as here:
            huge = await one(here, there, HUGE)
    raw = {"cpu_s": costs, "spans": at_rest.different, "spans_expected": (PAIRS + 1) * spans_of(LARGE), "huge": huge}
    return Report(figures=figures(costs, huge), raw=raw)


def figures(costs: dict[str, list[float]], huge: dict[str, Any]) -> tuple[Figure, ...]:
    """The rows of the table."""
    off_ms, on_ms = (median(costs[name]) / LARGE.nodes * 1000 for name in ("off", "on"))
    ratios = sorted(on / off for off, on in zip(costs["off"], costs["on"], strict=True))
    return (
        Figure(
            name="CPU per node, traced ÷ not",
            value=on_ms / off_ms,
            bar=1.10,
            note=f"{on_ms:.3g} ms against {off_ms:.3g} ms; pair by pair {ratios[0]:.3g} to {ratios[-1]:.3g}",
        ),
        Figure(
            name=f"spans lost of a tree of {HUGE.nodes:,} nodes",
            value=huge["expected"] - huge["different"],
            bar=0,
            note=f"{huge['expected']:,} expected, {huge['spans']:,} came",
        ),
        Figure(name="from its end to its last span", value=huge["last_s"], unit="s", bar=10),
    )


def spans_of(shape: Shape) -> int:
    """A request's, and of each node its own, and one of the call and of the cell of each turn."""
    return 1 + shape.nodes * (1 + 2 * TURNS)


async def pairs(off: World, on: World) -> dict[str, list[float]]:
    """CPU seconds of equal trees, one without traces and one with, turn by turn."""
    costs = {"off": list[float](), "on": list[float]()}
    for each in (off, on):
        await cpu_of(each)
    for number in range(PAIRS):
        # Who goes first takes turns too, in case that counts.
        turn = [("off", off), ("on", on)]
        for name, each in turn if number % 2 else turn[::-1]:
            costs[name].append(await cpu_of(each))
    return costs


async def cpu_of(here: World) -> float:
    """CPU seconds of all the server's processes for one tree, and for what follows from it."""
    before = measure.cpu(here.server.pid)
    await here.gateway.solve(LARGE.goal)
    await asyncio.sleep(SETTLE_S)
    return (measure.cpu(here.server.pid) - before).total_s


async def one(here: World, there: Collector, shape: Shape) -> dict[str, Any]:
    """One tree, and what has become of its spans."""
    took_s, tree = await here.gateway.solve(shape.goal)
    ended = datetime.fromisoformat(tree["timing"]["ended_at"]).timestamp()
    expected = spans_of(shape)
    found = await there.arrived(expected)
    return {
        "expected": expected,
        "spans": found.spans,
        "different": found.different,
        "last_s": found.last - ended,
        "wall_s": took_s,
    }


@asynccontextmanager
async def collecting() -> AsyncGenerator[tuple[Program, Collector], None]:
    """A collector in a process of its own, so that its CPU is not counted."""
    async with collector() as program, session(program.url) as http:
        yield program, Collector(http)


if __name__ == "__main__":
    sys.exit(command.main({"telemetry_cost": run}))
