"""How a status looks: glyph and colour. The word always stands beside them."""

from dataclasses import dataclass

from rich.text import Text


@dataclass(frozen=True, slots=True)
class Look:
    """`plain` is the glyph for terminals that know ASCII only."""

    glyph: str
    plain: str
    style: str


_LOOKS = {
    "submitted": Look("○", ".", "dim"),
    "working": Look("●", "*", "cyan"),
    "waiting": Look("◌", "o", "blue"),
    "completed": Look("✓", "+", "green"),
    "failed": Look("✗", "x", "red"),
    "canceled": Look("⊘", "-", "yellow"),
    "rejected": Look("✗", "x", "red"),
    # A replica's states.
    "starting": Look("○", ".", "dim"),
    "ready": Look("●", "*", "green"),
    "resting": Look("◌", "o", "yellow"),
    "down": Look("✗", "x", "red"),
    "draining": Look("⊘", "-", "yellow"),
}
_UNKNOWN = Look("?", "?", "")


def look(status: str) -> Look:
    """The look of a status, also of one we have never heard of."""
    return _LOOKS.get(status, _UNKNOWN)


def badge(status: str, *, ascii_only: bool = False) -> Text:
    """Glyph and word."""
    found = look(status)
    return Text(f"{found.plain if ascii_only else found.glyph} {status}", style=found.style)
