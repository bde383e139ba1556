"""Trees for the ledger, as they might be, and a year of a million of them, put into a Valkey."""

import random
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from rao_runtime.adapters import redis_ledger_scripts as scripts
from rao_runtime.adapters.clock import tree_id_of
from rao_runtime.adapters.ledger_blocks import encode, head_of, split
from rao_runtime.adapters.redis_journal import RedisJournal
from rao_runtime.adapters.redis_ledger import RedisLedger
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.adapters.redis_rollups import Rows, counters_of, day_name, month_name, text_of
from rao_runtime.adapters.redis_wire import Arg
from rao_runtime.core.ids import call_id, child_id, root_id
from rao_runtime.core.ledger import CallOutcome, LedgerEntry, Origin, Purpose, Row, TreeBook, UsageSource
from rao_runtime.core.pricing import Price, in_pico
from rao_runtime.core.usage import Tokens
from rao_runtime.core.usage_report import sums_of

PRICE = Price(input=Decimal("0.15"), output=Decimal("0.60"), cached_input=Decimal("0.075"), version="2026-11-01")
TENANTS = tuple(f"tenant-{number}" for number in range(5))
MODELS = ("Qwen/Qwen3-4B", "Qwen/Qwen3-14B", "rao-nano")
SYSTEM_PROMPT = 1_120
BLOCK = 16  # tokens that a replica caches at once
DAY_S = 86_400.0
# Trees written by one call of the script, as so many calls would write them one by one.
AT_ONCE = 100


@dataclass(slots=True)
class HandClock:
    """A clock that is set."""

    time: float

    def now(self) -> float:
        """Epoch seconds."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Let that much time pass."""
        self.time += seconds


@dataclass(frozen=True, slots=True)
class Books:
    """A ledger in a Valkey, and what is around it."""

    link: RedisLink
    journal: RedisJournal
    ledger: RedisLedger
    clock: HandClock


@asynccontextmanager
async def books(url: str, now: float) -> AsyncGenerator[Books, None]:
    """A ledger at this URL, which writes at the time its clock tells."""
    async with AsyncExitStack() as stack:
        link = await stack.enter_async_context(RedisLink(url))
        journal = await stack.enter_async_context(RedisJournal(link))
        clock = HandClock(now)
        yield Books(link, journal, RedisLedger(link, clock), clock)


def tree(rng: random.Random, nodes: int, now: float) -> TreeBook:
    """A tree that began at `now`: each node makes two calls, one attempt in twenty fails."""
    tree_id, tenant, model = tree_id_of(now, rng.getrandbits(80)), rng.choice(TENANTS), rng.choice(MODELS)
    ids, origins, ends = [root_id(tree_id)], {root_id(tree_id): Origin(None, 0, 0)}, [now]
    launched = dict[int, int]()
    entries = list[LedgerEntry]()
    for place in range(nodes):
        if place:
            parent = (place - 1) // 5
            launched[parent] = index = launched.get(parent, -1) + 1
            ids.append(child_id(ids[parent], 0, index))
            origins[ids[-1]] = Origin(ids[parent], 0, index)
            ends.append(ends[parent])
        at, tokens = ends[place], Tokens()
        for turn in range(2):
            tokens = _turn(rng, tokens)
            at += rng.lognormvariate(1.2, 0.5)
            ends[place] = at if turn == 0 else ends[place]
            failed = rng.random() < 0.05
            row = _row(tenant, model, failed=failed)
            entries.append(
                LedgerEntry(
                    at=round(at, 1),
                    row=row,
                    tree_id=tree_id,
                    node_id=ids[place],
                    call_id=call_id(ids[place], turn),
                    attempt=1,
                    tokens=tokens,
                    amount=in_pico(PRICE.cost(tokens)),
                )
            )
    counted = Row(tenant, "default", model, PRICE.version, Purpose.AGENT.value, "", "")
    return TreeBook(tree_id=tree_id, row=counted, entries=entries, origins=origins)


async def a_year(found: Books, today: date, trees: int, *, days: int = 365) -> None:
    """So many trees of one node, evenly over the days up to `today`."""
    rng, rows = random.Random(days), Rows(found.link)
    samples = [tree(rng, 1, 0.0) for _ in range(500)]
    numbers = await rows.numbered(list({row for book in samples for row in _rows(book)}))
    tails = {book.tree_id: _tail(book, numbers) for book in samples}
    for ahead in range(days):
        day = today - timedelta(days=days - 1 - ahead)
        midnight = datetime.combine(day, time(), UTC).timestamp()
        count = trees * (ahead + 1) // days - trees * ahead // days
        for start in range(0, count, AT_ONCE):
            some = rng.choices(samples, k=min(AT_ONCE, count - start))
            now = midnight + (DAY_S - 1) * start / count
            blocks = [head_of(tree_id_of(now, rng.getrandbits(80))) + tails[book.tree_id] for book in some]
            await _write(found.link, now, _added(some, numbers), blocks)


async def _write(link: RedisLink, now: float, added: Sequence[Arg], blocks: Sequence[bytes]) -> None:
    """What booking them one by one would write, in one call of the ledger's own script."""
    name, day = f"bulk-{now}", datetime.fromtimestamp(now, UTC).date()
    ends = datetime.combine(day + timedelta(days=1), time(), UTC).timestamp()
    key = link.keys.ledger
    names = [key(name) for name in ("rows", "state", "pending", "done", "log", day_name(day), month_name(day))]
    seen = int(await link.call("HGET", key("state"), "n") or 0)
    head: list[Arg] = [name, seen, round(now * 1_000), round(ends * 1_000)]
    answer = await link.run(scripts.BOOK, names, [*head, *added, *blocks])
    if answer != [b"new"]:
        raise RuntimeError(f"the ledger answered {answer}")
    await link.run(scripts.SETTLE, [key("state"), key("pending"), key("done")], [name])


def _added(some: Sequence[TreeBook], numbers: Mapping[Row, int]) -> list[Arg]:
    sums = sums_of([entry for book in some for entry in book.entries], [book.row for book in some])
    args: list[Arg] = [len(sums)]
    for row, each in sums.items():
        args += [text_of(row), numbers[row], *counters_of(each)]
    return args


def _rows(book: TreeBook) -> Iterator[Row]:
    yield book.row
    for entry in book.entries:
        yield entry.row


def _tail(book: TreeBook, numbers: Mapping[Row, int]) -> bytes:
    [block] = split(book.entries, book.origins)
    return encode(block, book.origins, numbers.__getitem__)[len(head_of(book.tree_id)) :]


def _turn(rng: random.Random, before: Tokens) -> Tokens:
    """The next call of a node: its prompt has all that was said, and what the cell printed or the goal."""
    said = before.input + before.output
    prompt = (said or SYSTEM_PROMPT) + round(rng.lognormvariate(4.2, 0.6))
    cached = (said or SYSTEM_PROMPT) // BLOCK * BLOCK
    return Tokens(input=prompt, cached=cached, output=round(rng.lognormvariate(4.9, 0.45)))


def _row(tenant: str, model: str, *, failed: bool) -> Row:
    outcome = CallOutcome.FAILED if failed else CallOutcome.COMPLETED
    source = UsageSource.ESTIMATED if failed else UsageSource.REPORTED
    return Row(tenant, "default", model, PRICE.version, Purpose.AGENT.value, outcome.value, source.value)
