"""The ledger, held against the journals it is made of and against what the replicas really did. Number 11.

11 what is booked of a tree is what its attempts used, each once, and nothing before it has ended
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from rao_runtime.adapters.scripted_model import Attempt, ScriptedModel
from rao_runtime.core.errors import UnknownTree
from rao_runtime.core.events import Event
from rao_runtime.core.ids import attempt_id
from rao_runtime.core.ledger import LedgerEntry, UsageSource
from rao_runtime.core.pricing import in_pico
from rao_runtime.core.state import TreeState, fold
from rao_runtime.core.usage import Usage
from rao_runtime.core.usage_report import Sums, sums_of
from rao_runtime.ports import Clock, Journal, Ledger, RecordQuery
from tests.sim.ledgers import SETTLED


async def booked(ledger: Ledger, tree_id: str | None = None) -> list[LedgerEntry]:
    """All records, or those of a tree."""
    found, after, more = list[LedgerEntry](), None, True
    while more:
        page = await ledger.records(RecordQuery(tree_id=tree_id), limit=50, after=after)
        found += [record.entry for record in page.records]
        after, more = page.cursor, page.has_more
    return found


async def book_faults(
    ledger: Ledger, journal: Journal, clock: Clock, trees: Sequence[str], models: Sequence[ScriptedModel]
) -> AsyncIterator[str]:
    """What is wrong with the books of these trees, which are all there are; those turned away have no journal."""
    attempts = {attempt.request.request_id: attempt for model in models for attempt in model.ledger}
    ended = 0
    for tree_id in trees:
        try:
            events = await journal.read(tree_id)
        except UnknownTree:
            continue
        entries = await booked(ledger, tree_id)
        if events[-1].is_end:
            ended += 1
            for fault in _tree_faults(fold(tree_id, events), events, entries, attempts):
                yield f"{tree_id}: 11: {fault}"
        elif entries:
            yield f"{tree_id}: 11: {len(entries)} records of a tree that has not ended"
    async for fault in _sum_faults(ledger, clock, ended):
        yield f"world: 11: {fault}"


async def _sum_faults(ledger: Ledger, clock: Clock, ended: int) -> AsyncIterator[str]:
    tomorrow = datetime.fromtimestamp(clock.now(), UTC).date() + timedelta(days=1)
    sums, trees = dict[Any, Sums](), 0
    async for rollups in ledger.rollups(tomorrow - timedelta(days=30), tomorrow, by_day=True):
        for _, row, more in rollups:
            trees += more.trees
            if row.outcome:
                sums[row] = Sums(*(a + b for a, b in zip(sums.get(row, Sums()), more, strict=True)))
    if sums != sums_of(await booked(ledger)):
        yield "the sums are not those of the records"
    if trees != ended:
        yield f"{trees} trees are counted, {ended} have ended"


def _tree_faults(
    state: TreeState, events: Sequence[Event], entries: Sequence[LedgerEntry], attempts: Mapping[str, Attempt]
) -> Iterator[str]:
    settled = {attempt_id(e.data["call_id"], e.data["attempt"]): e for e in events if e.type in SETTLED}
    # Where time is paid for, an attempt costs something that a replica turned away.
    used = {key for key, event in settled.items() if event.data["usage"]["calls"] or Decimal(event.data["cost"] or 0)}
    names = Counter(attempt_id(entry.call_id, entry.attempt) for entry in entries)
    if set(names) != used or max(names.values(), default=1) > 1:
        yield f"booked {sorted(names.elements())}, used {sorted(used)}"
        return
    for entry in entries:
        name = attempt_id(entry.call_id, entry.attempt)
        yield from _entry_faults(entry, settled[name], attempts.get(name))
    for node in state.nodes.values():
        of_node = [entry for entry in entries if entry.node_id == node.node_id]
        if _total(of_node) != (_tokens(node.usage), in_pico(node.cost or Decimal(0))):
            yield f"node {node.node_id} used {node.usage}, and is booked with {_total(of_node)}"
    if _total(entries) != (_tokens(state.usage), in_pico(state.cost)):
        yield f"the tree used {state.usage} for {state.cost}, and is booked with {_total(entries)}"


def _entry_faults(entry: LedgerEntry, event: Event, real: Attempt | None) -> Iterator[str]:
    usage, cost = Usage(**event.data["usage"]), event.data["cost"]
    if (entry.at, entry.amount) != (round(event.ts, 1), None if cost is None else in_pico(Decimal(cost))):
        yield f"{entry} is not what the journal has: {event}"
    if entry.wasted != (usage.wasted_tokens > 0 or event.type.endswith("failed")):
        yield f"{entry} is wasted in one of ledger and journal: {event}"
    reported = usage.calls and entry.row.source == UsageSource.REPORTED
    counted = None if real is None else (real.tokens.input, real.tokens.output)
    if reported and (entry.tokens.input, entry.tokens.output) != counted:
        yield f"{entry} was reported, and the replica says {real}"


def _total(entries: Sequence[LedgerEntry]) -> tuple[tuple[int, int, int, int, int], int]:
    wasted = sum(entry.tokens.total for entry in entries if entry.wasted)
    tokens = [(entry.tokens.input, entry.tokens.cached, entry.tokens.output) for entry in entries]
    given, cached, output = (sum(column) for column in zip(*tokens, strict=True)) if tokens else (0, 0, 0)
    calls = sum(entry.tokens.total > 0 for entry in entries)
    return (calls, given, cached, output, wasted), sum(entry.amount or 0 for entry in entries)


def _tokens(usage: Usage) -> tuple[int, int, int, int, int]:
    return usage.calls, usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.wasted_tokens
