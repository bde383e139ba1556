"""A ledger of a year with 1,000,000 trees: how long reports and pages take, and what a tree takes in Redis.

Asked is a server over HTTP, as finance would. Beside it: what Redis alone takes to hand over the same sums, and a
ledger without sums or blocks, a hash for each attempt.
"""

import asyncio
import random
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from redis.asyncio import Redis

from benchmarks import command
from benchmarks.figures import Figure, Report, percentile
from benchmarks.ledger_world import Books, a_year, books, tree
from benchmarks.processes import server, valkey
from benchmarks.worlds import session
from rao_runtime.adapters.redis_rollups import day_name
from rao_runtime.core.usage_view import record_view

TREES = 1_000_000
DAYS = 365
MEASURED_TREES = 20_000
PEER_TREES = 5_000
SHAPES = (1, 5, 27)
REPEATS = 15
REPORT_MS, PAGE_MS, TREE_BYTES = 100, 50, 300
SOCKET = "valkey.sock"


async def run() -> Report:
    """Memory first, each shape in a Valkey of its own, then the year."""
    figures, raw = list[Figure](), dict[str, Any]()
    for nodes in SHAPES:
        taken = raw[f"bytes_a_tree_of_{nodes}"] = await _bytes_a_tree(nodes)
        name = f"Redis bytes a tree of {nodes} node{'s' * (nodes > 1)}"
        note = f"{2 * nodes} attempts; {MEASURED_TREES:,} trees booked, sums included"
        figures.append(Figure(name=name, value=taken, unit="B", bar=TREE_BYTES, note=note))
    today = datetime.now(UTC).date()
    with tempfile.TemporaryDirectory() as folder:
        async with valkey(Path(folder)) as url:
            now = datetime.now(UTC).timestamp()
            async with books(url, now) as found:
                await a_year(found, today, TREES, days=DAYS)
            settings = {"RAO_REDIS_URL": url, "RAO_EMBEDDED_ENGINES": "0"}
            async with server(settings) as program, session(program.url) as http:
                figures += await _reports(http, today, raw)
                figures += await _pages(http, today, raw)
            figures.append(await _floor(folder, today, raw))
            figures += await _peer(folder, raw)
    return Report(figures=figures, raw=raw)


async def _bytes_a_tree(nodes: int) -> float:
    """Redis's memory after so many trees were run, booked and erased, less what it was before."""
    rng, now = random.Random(nodes), datetime.now(UTC).timestamp()
    with tempfile.TemporaryDirectory() as folder:
        async with valkey(Path(folder)) as url, books(url, now) as found, _redis(folder) as redis:
            await _book(found, rng, nodes, 200)
            before = await _used_bytes(redis)
            await _book(found, rng, nodes, MEASURED_TREES)
            return (await _used_bytes(redis) - before) / MEASURED_TREES


async def _book(found: Books, rng: random.Random, nodes: int, count: int) -> None:
    for _ in range(0, count, 50):
        found.clock.time += 60.0
        some = [tree(rng, nodes, found.clock.time) for _ in range(50)]
        await asyncio.gather(*[found.journal.create(book.tree_id) for book in some])
        await asyncio.gather(*[found.ledger.book(book) for book in some])
        await asyncio.gather(*[found.journal.delete(book.tree_id) for book in some])


async def _reports(http: ClientSession, today: date, raw: dict[str, Any]) -> list[Figure]:
    since, until = today - timedelta(days=DAYS - 1), today + timedelta(days=1)
    year = f"since={since}&until={until}"
    asked = {
        "/usage, 30 days by day": "/usage",
        "/usage, a year by tenant": f"/usage?group_by=tenant&{year}",
        "/usage, a year by model and outcome": f"/usage?group_by=model,outcome&{year}",
        "/usage, a year by day": f"/usage?group_by=day&{year}",
    }
    figures = list[Figure]()
    for name, path in asked.items():
        first_ms, times_ms, answer = await _asked(http, path)
        if name.startswith("/usage, a year") and "outcome" not in name and answer["total"]["trees"] != TREES:
            raise RuntimeError(f"{answer['total']['trees']:,} trees are in the ledger, {TREES:,} were booked")
        raw[name] = times_ms
        note = (
            f"{len(answer['data'])} lines; {answer['total']['attempts']:,} attempts; the first time {first_ms:.0f} ms"
        )
        figures.append(Figure(name=name, value=percentile(times_ms, 50), unit="ms", bar=REPORT_MS, note=note))
    _, times_ms, answer = await _asked(http, f"/usage?group_by=day,tenant,model&{year}")
    raw["three dimensions"] = times_ms
    note = f"{len(answer['data']):,} lines: most of it is writing them as JSON"
    return [
        *figures,
        Figure(name="/usage, a year, three dimensions", value=percentile(times_ms, 50), unit="ms", note=note),
    ]


async def _pages(http: ClientSession, today: date, raw: dict[str, Any]) -> list[Figure]:
    figures = list[Figure]()
    middle = today - timedelta(days=DAYS // 2)
    for name, path in {
        "100 records, the oldest": "/usage/records",
        "100 records, from the middle of the year": f"/usage/records?since={middle}",
        "100 records, of one tenant": f"/usage/records?since={middle}&tenant=tenant-3",
        "100 records, as CSV": f"/usage/records?since={middle}&format=csv",
    }.items():
        _, times_ms, _ = await _asked(http, path)
        raw[name] = times_ms
        figures.append(Figure(name=name, value=percentile(times_ms, 50), unit="ms", bar=PAGE_MS))
    return figures


async def _asked(http: ClientSession, path: str) -> tuple[float, list[float], Any]:
    """Milliseconds of the first time and of all others, and the answer where it is JSON."""
    times_ms, answer = list[float](), None
    for _ in range(1 + REPEATS):
        began_s = time.perf_counter()
        async with http.get(path) as response:
            body = await response.read()
            times_ms.append((time.perf_counter() - began_s) * 1_000)
            if response.status != 200:
                raise RuntimeError(f"{path} answered {response.status}: {body[:300]}")
            answer = await response.json() if response.content_type == "application/json" else None
    return times_ms[0], times_ms[1:], answer


async def _floor(folder: str, today: date, raw: dict[str, Any]) -> Figure:
    """The same sums by day, as bytes, by redis-py on its C parser."""
    names = [f"rao:{{led}}:{day_name(today - timedelta(days=ahead))}" for ahead in range(DAYS)]
    times_ms, replies = list[float](), list[Any]()
    async with _redis(folder) as redis:
        for _ in range(REPEATS):
            began_s = time.perf_counter()
            pipe = redis.pipeline(transaction=False)
            for name in names:
                pipe.hgetall(name)
            replies = await pipe.execute()
            times_ms.append((time.perf_counter() - began_s) * 1_000)
    raw["floor"] = times_ms
    note = f"{sum(map(len, replies)):,} sums of {DAYS} days read, and nothing done with them"
    return Figure(name="floor: HGETALL alone, a year by day", value=percentile(times_ms, 50), unit="ms", note=note)


async def _peer(folder: str, raw: dict[str, Any]) -> list[Figure]:
    """A hash for each attempt, summed up by reading them all; told for as many trees as the ledger has."""
    rng, keys, now = random.Random(9), list[str](), datetime.now(UTC).timestamp()
    async with _redis(folder) as redis:
        before = await _used_bytes(redis)
        for _ in range(0, PEER_TREES, 100):
            pipe = redis.pipeline(transaction=False)
            for entry in (entry for _ in range(100) for entry in tree(rng, 1, now).entries):
                keys.append(f"peer:{entry.tree_id}:{entry.call_id}")
                told = record_view(entry, now).items()
                fields: dict[Any, Any] = {name: str(value) for name, value in told if value is not None}
                pipe.hset(keys[-1], mapping=fields)
            await pipe.execute()
        taken = (await _used_bytes(redis) - before) / PEER_TREES
        began_s = time.perf_counter()
        for start in range(0, len(keys), 1_000):
            pipe = redis.pipeline(transaction=False)
            for key in keys[start : start + 1_000]:
                pipe.hmget(key, ["tenant", "input_tokens", "cached_tokens", "output_tokens", "cost"])
            await pipe.execute()
        took_s = (time.perf_counter() - began_s) * TREES / PEER_TREES
    raw["peer"] = {"bytes_a_tree_of_1": taken, "report_s": took_s}
    note = f"from {PEER_TREES:,} trees of 1 node"
    return [
        Figure(name="peer: a hash an attempt, a tree of 1 node", value=taken, unit="B", note=note),
        Figure(name="peer: a hash an attempt, a report", value=took_s, unit="s", note=f"{note}, reckoned for all"),
    ]


def _redis(folder: str) -> "Redis":
    return Redis(unix_socket_path=str(Path(folder) / SOCKET))


async def _used_bytes(redis: "Redis") -> int:
    told = await redis.info("memory")  # pyright: ignore[reportUnknownMemberType] - its stub
    return int(told["used_memory"])


if __name__ == "__main__":
    sys.exit(command.main({"usage_rollups": run}))
