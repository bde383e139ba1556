"""What the pool asks of replicas for itself is in the books, under the tenant `system`."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rao_runtime.adapters.memory_ledger import MemoryLedger
from rao_runtime.adapters.scripted_model import Script
from rao_runtime.adapters.scripted_steps import Fail, Say, Wait
from rao_runtime.core.errors import FailureKind, JournalUnavailable
from rao_runtime.core.ledger import LedgerEntry, Purpose
from rao_runtime.core.pricing import GpuPrice, Price, Sheet, in_pico
from rao_runtime.core.profile import Profile
from rao_runtime.core.usage import Tokens
from rao_runtime.engine.attendant import Attendant
from rao_runtime.engine.prompt import Prompt
from rao_runtime.engine.upkeep import EVERY_S, KEPT, UpkeepBooks, UpkeepCall
from rao_runtime.ports import Message, ModelRequest, RecordQuery
from tests.sim.loop import simulate
from tests.unit.engine.tended import MODEL, Tended

PRICE = Price(input=Decimal(1), output=Decimal(2), cached_input=Decimal("0.5"), version="v1")
GREETING = "The beginning of all prompts. " * 20


class Shaky(MemoryLedger):
    """A ledger whose store is away for a while."""

    away = False

    async def book_upkeep(self, entries: Sequence[LedgerEntry]) -> None:
        if self.away:
            raise JournalUnavailable("gone fishing")
        await super().book_upkeep(entries)


@dataclass(slots=True)
class Kept:
    """A pool that is looked after, with books."""

    pool: Tended
    ledger: Shaky
    books: UpkeepBooks

    async def entries(self) -> list[LedgerEntry]:
        """What is booked by now."""
        page = await self.ledger.records(RecordQuery(), limit=100_000)
        return [record.entry for record in page.records]


def keep(act: Callable[[Kept], Awaitable[None]], script: Script, *, price: Sheet | None = PRICE) -> None:
    """Look after one replica of this script."""

    def opening(model: str) -> Prompt:
        return Prompt(Profile(model=model), [Message("system", f"{model}: {GREETING}")])

    async def main() -> None:
        tended = Tended()
        ledger = Shaky(tended.clock)
        books = UpkeepBooks(ledger, tended.clock, lambda model: Profile(model=model, price=price))
        care = Attendant(tended.pool, tended.clock, opening=opening, books=books.note)
        tasks = [asyncio.create_task(care.watch()), asyncio.create_task(books.keep())]
        tended.add(script)
        await act(Kept(tended, ledger, books))
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    simulate(main)


def writes_a_token(request: ModelRequest) -> list[Say]:
    return [Say("x")]


def test_the_first_call_of_a_replica_is_booked_with_what_it_reported() -> None:
    async def act(kept: Kept) -> None:
        await kept.pool.clock.sleep(2 * EVERY_S)
        [entry] = await kept.entries()
        [attempt] = kept.pool.models[0].ledger
        assert entry.row[:6] == ("system", "default", MODEL, "v1", "prime", "completed")
        assert (entry.row.source, entry.tree_id, entry.node_id) == ("reported", None, None)
        assert (entry.tokens.input, entry.tokens.output) == (attempt.tokens.input, attempt.tokens.output)
        assert entry.amount == in_pico(PRICE.cost(entry.tokens))
        assert entry.call_id == attempt.request.request_id

    keep(act, writes_a_token)


def test_a_replica_that_does_not_count_is_booked_with_an_estimate() -> None:
    async def act(kept: Kept) -> None:
        kept.pool.models[0].tells_usage = False
        await kept.pool.clock.sleep(2 * EVERY_S)
        [entry] = await kept.entries()
        profile = Profile(model=MODEL)
        assert entry.row.source == "estimated"
        assert entry.tokens == Tokens(input=profile.estimated_tokens(len(f"{MODEL}: {GREETING}")), output=1)

    keep(act, writes_a_token)


def test_where_time_is_paid_for_a_call_pays_for_what_it_took() -> None:
    async def act(kept: Kept) -> None:
        await kept.pool.clock.sleep(2 * EVERY_S)
        [entry] = await kept.entries()
        assert (entry.gpu_s, entry.amount) == (6.0, in_pico(Decimal("0.006")))

    price = GpuPrice(gpu_second=Decimal("0.001"), gpus=2, version="v1")
    keep(act, lambda request: [Wait(3.0), Say("x")], price=price)


def test_a_call_that_a_replica_refuses_is_not_booked_and_one_that_breaks_is_waste() -> None:
    def script(request: ModelRequest) -> list[Fail]:
        kinds = [FailureKind.SERVER, FailureKind.UNREACHABLE, FailureKind.BROKEN]
        number = int(request.request_id.rpartition("-")[2]) - 1
        return [Fail(kinds[min(number, 2)], None)]

    async def act(kept: Kept) -> None:
        await kept.pool.clock.sleep(600.0)
        calls = [attempt.failure for attempt in kept.pool.models[0].ledger]
        assert {FailureKind.SERVER, FailureKind.UNREACHABLE} <= set(calls)
        entries = await kept.entries()
        # Those of the last seconds are not written yet.
        assert 0 <= calls.count(FailureKind.BROKEN) - len(entries) <= EVERY_S < len(entries)
        assert {(entry.row.outcome, entry.row.source, entry.tokens.output) for entry in entries} == {
            ("failed", "estimated", 0)
        }

    keep(act, script)


def test_while_the_store_is_away_calls_are_kept_and_what_is_too_much_is_told() -> None:
    async def act(kept: Kept) -> None:
        kept.ledger.away = True
        await kept.pool.clock.sleep(3 * EVERY_S)
        request = ModelRequest(request_id="more", model=MODEL, messages=(), max_tokens=1)
        for _ in range(KEPT + 5):
            kept.books.note(
                UpkeepCall(purpose=Purpose.CANARY, request=request, tokens=Tokens(), finished=True, took_s=0.0)
            )
        assert await kept.entries() == []
        kept.ledger.away = False
        await kept.pool.clock.sleep(2 * EVERY_S)
        assert len(await kept.entries()) == KEPT

    keep(act, writes_a_token)


def test_what_is_left_is_booked_when_the_process_stops() -> None:
    found = list[Kept]()

    async def act(kept: Kept) -> None:
        await kept.pool.clock.sleep(1.0)
        assert await kept.entries() == []
        found.append(kept)

    async def after() -> None:
        assert len(await found[0].entries()) == 1

    keep(act, writes_a_token)
    simulate(after)
