"""Ends a text at its first stop string, wherever the text was split. Knows nothing of who writes it."""

from collections.abc import Sequence


class StopText:
    """Takes a completion piece by piece and lets through what comes before any stop string.

    The one that is complete first counts, as it does at a server that looks after every token: so it does not matter
    how the text was cut. A piece's tail that may be the start of a stop string is held back until the next decides.
    """

    __slots__ = ("_held", "_longest", "_stops", "stopped")

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._longest = max(map(len, self._stops), default=0)
        self._held = ""
        self.stopped = False

    def feed(self, piece: str) -> str:
        """What may be shown now. After `stopped`, nothing more."""
        if self.stopped:
            return ""
        text = self._held + piece if self._held else piece
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.stopped = True
            self._held = ""
            return text[: min(found)[1]]
        keep = self._open_tail(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def rest(self) -> str:
        """What was held back, once no more comes."""
        held, self._held = self._held, ""
        return held

    def _open_tail(self, text: str) -> int:
        for size in range(min(self._longest - 1, len(text)), 0, -1):
            tail = text[-size:]
            if any(stop.startswith(tail) for stop in self._stops):
                return size
        return 0
