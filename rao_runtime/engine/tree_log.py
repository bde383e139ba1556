"""The owner's pen: gives events their numbers, folds them into the live state, and gets them into the journal.

Recording is immediate, so that decisions see it at once; `durable` waits until the journal has it. Events recorded
while an append is under way go together in the next one (group commit).
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

from rao_runtime.core.errors import JournalError, LetGo
from rao_runtime.core.events import Event, EventType
from rao_runtime.core.state import TreeState
from rao_runtime.engine.folding import aside
from rao_runtime.ports import Clock, Journal, Observer, TreeWatch

log = logging.getLogger(__name__)

SETTLEMENTS = frozenset({EventType.CALL_COMPLETED, EventType.CALL_FAILED})


class NodeRef(Protocol):
    """Where a node stands in its tree."""

    @property
    def node_id(self) -> str: ...
    @property
    def parent_id(self) -> str | None: ...
    @property
    def depth(self) -> int: ...
    @property
    def fork_step(self) -> int | None: ...


class TreeLog:
    """Writes one tree's events under one fence. Use as a context manager: it owns the task that appends.

    `watches` are told of events once they are in the journal.
    """

    def __init__(
        self, journal: Journal, clock: Clock, state: TreeState, fence: int, *, watches: Sequence[TreeWatch] = ()
    ) -> None:
        self.state = state
        self.fence = fence
        self._journal = journal
        self._clock = clock
        self._watches = watches
        self._pending = list[Event]()
        self._durable_seq = state.last_seq
        self._wake = asyncio.Event()
        self._progress = asyncio.get_running_loop().create_future()
        self._failure: JournalError | None = None
        self._sealed = False
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._writer = asyncio.create_task(self._write(), name=f"journal-{self.state.tree_id}")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.wait([self._writer])

    def record(
        self, event_type: EventType, data: Mapping[str, Any], node: NodeRef | None = None, turn: int | None = None
    ) -> Event:
        """Add an event to the state and to what is to be written.

        Raises JournalError once the journal refused one, and LetGo for all but the ends of calls once it is sealed.
        """
        if self._failure is not None:
            raise self._failure
        if self._sealed and event_type not in SETTLEMENTS:
            raise LetGo(f"tree {self.state.tree_id} was let go")
        event = Event(
            seq=self.state.last_seq + 1,
            type=event_type,
            tree_id=self.state.tree_id,
            ts=self._clock.now(),
            node_id=None if node is None else node.node_id,
            parent_id=None if node is None else node.parent_id,
            depth=None if node is None else node.depth,
            fork_step=None if node is None else node.fork_step,
            turn=turn,
            data=data,
        )
        self.state.apply(event)
        self._pending.append(event)
        self._wake.set()
        return event

    @property
    def now(self) -> float:
        """The time its events are given (epoch s)."""
        return self._clock.now()

    def seal(self) -> None:
        """Let nothing more happen in this tree: from now on only what its open calls came to is taken."""
        self._sealed = True

    async def durable(self) -> None:
        """Wait until everything recorded so far is in the journal. Raises JournalError when it will never be."""
        seq = self.state.last_seq
        while self._durable_seq < seq:
            if self._failure is not None:
                raise self._failure
            # Shielded: the future is shared, one waiter's cancellation must not reach the others.
            await asyncio.shield(self._progress)

    async def _write(self) -> None:
        while self._failure is None:
            await self._wake.wait()
            self._wake.clear()
            batch, self._pending = self._pending, []
            try:
                await self._journal.append(self.state.tree_id, self.fence, batch)
                self._durable_seq = batch[-1].seq
                self._tell(batch)
            except JournalError as error:
                self._failure = error
            except Exception as error:  # noqa: BLE001 - whatever stopped the pen must reach those who wait for it
                self._failure = JournalError(f"the journal failed: {type(error).__name__}: {error}")
            progress, self._progress = self._progress, asyncio.get_running_loop().create_future()
            progress.set_result(None)

    def _tell(self, batch: Sequence[Event]) -> None:
        for watch in self._watches:
            try:
                watch.saw(batch)
            except Exception:
                # Who only looks on must not stop a tree.
                log.exception("tree %s: %s broke", self.state.tree_id, type(watch).__name__)


async def watches_of(observers: Sequence[Observer], past: Sequence[Event]) -> list[TreeWatch]:
    """Have these observers watch a tree with such a past, those aside that cannot."""
    watches = list[TreeWatch]()
    for observer in observers:
        try:
            watches.append(await aside(len(past), lambda observer=observer: observer.watch(past)))
        except Exception:
            log.exception("tree %s: %s broke", past[0].tree_id, type(observer).__name__)
    return watches
