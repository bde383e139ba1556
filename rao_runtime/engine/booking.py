"""Books trees: when one has ended, and before its index says so.

So whatever dies in between leaves an ended tree among the active ones, where the sweep finds it.
"""

from collections.abc import Sequence

from rao_runtime.core.events import Event
from rao_runtime.core.ledger import TreeEntries
from rao_runtime.engine.engine import Engine
from rao_runtime.engine.folding import aside
from rao_runtime.ports import Journal, Ledger


async def entries_of(tree_id: str, events: Sequence[Event]) -> TreeEntries:
    """What a journal comes to, to be gone on with."""
    return await aside(len(events), lambda: TreeEntries(tree_id, events))


async def book_ended(engine: Engine, entries: TreeEntries) -> None:
    """Book a tree that its owner has ended, however long the store is in trouble."""
    await engine.ledger.book(entries.book(), patient=True)


async def book_from_journal(ledger: Ledger, journal: Journal, tree_id: str) -> None:
    """Book an ended tree that its owner may not have booked. Raises UnknownTree, JournalUnavailable."""
    if await ledger.is_booked(tree_id):
        return
    entries = await entries_of(tree_id, await journal.read(tree_id))
    if entries.has_ended:
        await ledger.book(entries.book())
