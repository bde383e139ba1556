"""What a cell prints, kept up to a cap."""

from collections.abc import Callable

from rao_runtime.ports import Output

_GRACE_BYTES = 16 << 20  # a cell may print this much into the void before it counts as one that prints without end


class Printed:
    """Collects a cell's output over all its turns. `flooded` is set once it printed far beyond the cap."""

    def __init__(self, cap_bytes: int) -> None:
        self._room = cap_bytes
        self._left = cap_bytes + _GRACE_BYTES
        self._parts: list[str] = []
        self._dropped_chars = 0
        self.flooded = False
        self.on_flood: Callable[[], None] = lambda: None

    def __call__(self, _stream: str, text: str) -> None:
        """Take some more."""
        size = len(text) if text.isascii() else len(text.encode())
        self._left -= size
        if size <= self._room:
            self._room -= size
            self._parts.append(text)
        else:
            self._cut(text)
        if self._left < 0 and not self.flooded:
            self.flooded = True
            self.on_flood()

    def output(self) -> Output:
        """All of it so far."""
        self._parts = ["".join(self._parts)]
        return Output(text=self._parts[0], dropped_chars=self._dropped_chars)

    def _cut(self, text: str) -> None:
        kept = text.encode()[: self._room].decode(errors="ignore")
        self._room = 0
        self._parts.append(kept)
        self._dropped_chars += len(text) - len(kept)
