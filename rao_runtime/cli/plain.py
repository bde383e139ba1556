"""Words and numbers for people. Text of models is shown, never obeyed: a terminal must see no control character."""

import json
from decimal import Decimal

REPLACEMENT = "\ufffd"


def printable(text: str) -> str:
    """The text with everything a terminal might act on replaced; line ends and tabs stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else REPLACEMENT for c in text.replace("\r\n", "\n"))


def one_line(text: str, most: int = 400) -> str:
    """The text in one line of at most so many characters."""
    # Cut before it is looked at closely: a goal may have 64 Ki characters, and is drawn many times a second.
    line = " ".join(text[: 4 * most].split())
    return printable(line if len(line) <= most else line[: most - 1] + "…")


def value(answer: object) -> str:
    """An answer as text: a text as it is, anything else as JSON."""
    return printable(answer if isinstance(answer, str) else json.dumps(answer, indent=2, ensure_ascii=False))


def count(number: int) -> str:
    """A number in at most six characters: `9,120`, `91.2k`, `1.25M`."""
    if number < 10_000:
        return f"{number:,}"
    for size, suffix in ((10**3, "k"), (10**6, "M"), (10**9, "G")):
        if number < 999.5 * size:
            return f"{number / size:.3g}{suffix}"
    return f"{number / 10**12:.3g}T"


def money(amount: Decimal | None) -> str:
    """US dollars: cents from one dollar on, else two significant digits or more; `-` for a model without a price."""
    if amount is None:
        return "-"
    if amount == 0 or amount >= 1:
        return f"${amount:,.2f}"
    digits = max(2, 1 - amount.adjusted())
    return f"${amount:.{min(digits, 8)}f}"


def seconds(duration_s: float | None) -> str:
    """A duration: `0.42 s`, `12.3 s`, `3:05 min`, `2:03 h`."""
    if duration_s is None:
        return "-"
    if duration_s < 100:
        return f"{duration_s:.2f} s" if duration_s < 10 else f"{duration_s:.1f} s"
    minutes, rest = divmod(round(duration_s), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,}:{minutes:02} h"


def some(number: int, noun: str) -> str:
    """`1 node`, `27 nodes`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
