"""What a script is, and the list of them all: a test holds every one to the rules of a Cluster."""

import hashlib
from dataclasses import dataclass

SCRIPTS = dict[str, "Script"]()


@dataclass(frozen=True, slots=True)
class Script:
    """Lua that Redis runs in one step. It only compares and writes; what to write is decided outside.

    `keys` names its KEYS, in order: for `scope` "tree" fields of `TreeKeys`, else what follows the tag of `index`,
    `tenant`, `ledger` or `idempotency`. Every key and channel comes in through KEYS, all with one tag; Lua makes none.
    """

    name: str
    scope: str
    keys: tuple[str, ...]
    text: str
    sha1: str


def script(name: str, scope: str, keys: tuple[str, ...], text: str) -> Script:
    """A script, entered in SCRIPTS."""
    made = Script(name, scope, keys, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
    SCRIPTS[name] = made
    return made
