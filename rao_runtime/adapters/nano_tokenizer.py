"""Text to tokens, for the kind of `tokenizer.json` that training writes: known pieces are tokens, others are merged.

The library that reads any kind installs 36 MB, a third of what the engine weighs, and takes twice the time.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any
from unicodedata import category

PIECES = r" ?[\p{L}_]+|\p{N}|\n *| ?[^\s\p{L}\p{N}_]+| +|\s"
# The same for a text in which `_stand_in` has replaced all but ASCII.
_ASCII_PIECES = re.compile(r" ?[a-zA-Z_]+|[0-9]|\n *| ?[^ \t\n\r\f\va-zA-Z0-9_]+| +|[ \t\n\r\f\v]")
_KEPT = 16_384


class Tokenizer:
    """A byte-level vocabulary with merges. Whatever text it is given, no special token comes of it.

    `special` are those tokens by name; no token stands for more than `longest` bytes.
    """

    def __init__(self, described: Mapping[str, Any]) -> None:
        """Take a parsed `tokenizer.json`. Raises ValueError for one of another kind, KeyError for what is none."""
        model: Mapping[str, Any] = described["model"]
        if _pieces_of(described) != PIECES or not model.get("ignore_merges"):
            raise ValueError("a tokenizer of another kind than training writes")
        merges = [tuple[str, ...](pair.split(" ") if isinstance(pair, str) else pair) for pair in model["merges"]]
        self._vocabulary: Mapping[str, int] = model["vocab"]
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._tokens_of = lru_cache(_KEPT)(self._tokens)
        self.longest = max(map(len, self._vocabulary))
        self.special: Mapping[str, int] = {token["content"]: token["id"] for token in described["added_tokens"]}

    def encode(self, text: str) -> Iterator[int]:
        """The tokens of a text, one after the other."""
        ascii_text = text if text.isascii() else "".join(map(_stand_in, text))
        for found in _ASCII_PIECES.finditer(ascii_text):
            yield from self._tokens_of(text[found.start() : found.end()])

    def _tokens(self, piece: str) -> tuple[int, ...]:
        symbols = [_LETTERS[byte] for byte in piece.encode("utf-8", "replace")]
        whole = self._vocabulary.get("".join(symbols))
        if whole is not None:
            return (whole,)
        while ranked := [(self._ranks[pair], pair) for pair in pairwise(symbols) if pair in self._ranks]:
            symbols = _merged(symbols, min(ranked)[1])
        return tuple(self._vocabulary[symbol] for symbol in symbols)


def _merged(symbols: Sequence[str], pair: tuple[str, ...]) -> list[str]:
    """The symbols with each such pair made one, from left to right."""
    merged, at = list[str](), 0
    while at < len(symbols):
        size = 2 if tuple(symbols[at : at + 2]) == pair else 1
        merged.append("".join(symbols[at : at + size]))
        at += size
    return merged


def _pieces_of(described: Mapping[str, Any]) -> str | None:
    """The pattern that cuts texts, where nothing but that and the spelling of bytes comes before the vocabulary."""
    match described:
        case {
            "normalizer": None,
            "pre_tokenizer": {
                "type": "Sequence",
                "pretokenizers": [
                    {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": "Isolated", "invert": False},
                    {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
                ],
            },
        }:
            return pattern
        case _:
            return None


@lru_cache(_KEPT)
def _stand_in(sign: str) -> str:
    """An ASCII sign of the same class: `re` knows no classes of Unicode."""
    if sign.isascii():
        return sign
    return "\t" if sign.isspace() else {"L": "a", "N": "0"}.get(category(sign)[0], "!")


def byte_letters() -> list[str]:
    """How byte-level vocabularies spell each byte: those one can see as they are, the others from U+0100 on."""
    seen = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    unseen = iter(range(0x100, 0x200))
    return [chr(byte if byte in seen else next(unseen)) for byte in range(256)]


_LETTERS = byte_letters()
