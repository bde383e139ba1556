"""Sees trees happen, for spans and metrics: what it is told is in the journal already, and stays."""

from collections.abc import Sequence
from typing import Protocol

from rao_runtime.core.events import Event


class TreeWatch(Protocol):
    """One tree, as long as this process owns it."""

    def saw(self, events: Sequence[Event]) -> None:
        """These events are in the journal, right after those before. Called on the loop: it must not wait."""
        ...


class Observer(Protocol):
    """Watches the trees of this process."""

    def watch(self, past: Sequence[Event]) -> TreeWatch:
        """This process owns the tree from here on. `past` is its journal so far, `tree.created` at least.

        A tree without any other event has just begun; one with more was run by an earlier owner, or by this process
        before it restarted, whose observers have seen these events, or most of them.
        """
        ...
