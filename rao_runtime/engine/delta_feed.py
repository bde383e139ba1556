"""Text while it is being written: gathered, and offered every so often to whoever follows."""

from dataclasses import replace

from rao_runtime.core.events import NodeDelta
from rao_runtime.ports import Clock, Journal

DELTA_S = 0.05


class DeltaFeed:
    """The text of one attempt. `shape` is a delta of that attempt; its text, offset and time are filled in here."""

    def __init__(self, journal: Journal, clock: Clock, shape: NodeDelta) -> None:
        self._journal = journal
        self._clock = clock
        self._shape = shape
        self._held = ""
        self._offset = 0
        self._sent_at = clock.now()

    def add(self, text: str) -> None:
        """Take some more text; nothing is kept for a time at which nobody followed."""
        self._held += text
        if not self._journal.wants_deltas(self._shape.tree_id):
            self._skip()
        elif self._clock.now() - self._sent_at >= DELTA_S:
            self.flush()

    def flush(self) -> None:
        """Offer what is held."""
        if self._held:
            now = self._clock.now()
            self._journal.publish(replace(self._shape, offset=self._offset, text=self._held, ts=now))
            self._sent_at = now
            self._skip()

    def _skip(self) -> None:
        self._offset += len(self._held)
        self._held = ""
