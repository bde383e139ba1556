"""Every key and channel of Redis, by name, in this one file.

What stands in braces is the hash tag: keys with the same tag live in one slot of a Cluster, so a script may touch them
together. `<prefix>:{<tree_id>}:...` belongs to a tree and goes with it; the rest are the indexes.
"""

import re
from dataclasses import dataclass
from hashlib import blake2b

# A tree id comes out of a request's path: anything else than a plain one must not end up in a tag as it is.
_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,128}")


@dataclass(frozen=True, slots=True)
class TreeKeys:
    """The keys and channels of one tree, all in one slot."""

    tag: str

    @property
    def meta(self) -> str:
        """Hash: `born`, `fence`, `owner`, `seq`, and `ended` once it has ended, `booked` once it is in the ledger."""
        return f"{self.tag}:meta"

    @property
    def events(self) -> str:
        """Stream of events, each with the id `<seq>-0`."""
        return f"{self.tag}:ev"

    @property
    def commands(self) -> str:
        """Stream of commands that the owner has not acted on yet."""
        return f"{self.tag}:cmd"

    @property
    def deltas(self) -> str:
        """Capped stream of the text that is being written now."""
        return f"{self.tag}:delta"

    @property
    def watch(self) -> str:
        """Exists while somebody follows the deltas."""
        return f"{self.tag}:watch"

    @property
    def blobs(self) -> str:
        """The tree's large texts."""
        return f"{self.tag}:blobs"

    @property
    def entry(self) -> str:
        """The tree's entry in the index."""
        return f"{self.tag}:entry"

    @property
    def live(self) -> str:
        """Channel that wakes followers."""
        return f"{self.tag}:live"

    @property
    def owner(self) -> str:
        """Channel that wakes the owner."""
        return f"{self.tag}:owner"


class Keys:
    """Names under one prefix, so that several installations can share one Redis."""

    def __init__(self, prefix: str = "rao") -> None:
        if not _PLAIN.fullmatch(prefix):
            raise ValueError(f"the prefix of Redis keys is letters, digits, '_', '.' and '-', not {prefix!r}")
        self.prefix = prefix

    def tree(self, tree_id: str) -> TreeKeys:
        """The keys of a tree."""
        return TreeKeys(f"{self.prefix}:{{{tree_id if _PLAIN.fullmatch(tree_id) else _digest('tree', tree_id)}}}")

    def index(self, name: str) -> str:
        """An index over all trees."""
        return f"{self.prefix}:{{idx}}:{name}"

    def tenant(self, tenant: str, name: str) -> str:
        """An index over a tenant's trees."""
        return f"{self.prefix}:{{t:{_digest('tenant', tenant)}}}:{name}"

    def idempotency(self, tenant: str, key: str) -> str:
        """What a tenant's idempotency key stands for."""
        return f"{self.prefix}:{{k:{_digest('key', tenant, key)}}}"

    def ledger(self, name: str) -> str:
        """The ledger, all in one slot.

        `log`: stream of blocks of records. `d:<day>` and `m:<month>`: hashes of sums by row. `rows`: hash from rows to
        their numbers. `state`: hash with the last block's `ms` and `seq`, and `n`, how many bookings are done with.
        `pending` and `done`: sorted sets of what is being booked, and of what was last.
        """
        return f"{self.prefix}:{{led}}:{name}"

    @property
    def probe(self) -> str:
        """Never exists: writing nothing to it shows whether writes are taken."""
        return f"{self.prefix}:{{probe}}"


def _digest(*parts: str) -> str:
    text = "\x1f".join(f"{len(part)}:{part}" for part in parts)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
