"""Entries of the ledger as bytes, some five for each attempt of a tree: what was booked together, column by column.

What follows from the rest is not written: the ids of nodes and calls, amounts that one price sheet explains. Numbers
are written as what they differ from the number that the entry before leads to expect. The first byte is the format.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from rao_runtime.adapters.clock import id_of, number_of
from rao_runtime.adapters.ledger_bits import BitReader, BitWriter
from rao_runtime.adapters.ledger_columns import (
    Before,
    after,
    read_attempts,
    read_figures,
    read_times,
    write_attempts,
    write_figures,
    write_times,
)
from rao_runtime.adapters.ledger_nodes import read_nodes, with_ancestors, write_nodes
from rao_runtime.core.ids import call_id
from rao_runtime.core.ledger import LedgerEntry, Origin, Row

OUR_ID, OTHER_ID, NO_TREE = range(3)
ID_BYTES = 16
# A page of records decodes whole blocks: a tree with more entries is several.
MOST_ENTRIES = 500
TENTHS = 10


def split(entries: Sequence[LedgerEntry], origins: Mapping[str, Origin]) -> Iterator[list[LedgerEntry]]:
    """Entries in the order of blocks: node by node, as those were created, in each as they came."""
    by_node: dict[str | None, list[LedgerEntry]] = {node: [] for node in origins}
    for entry in entries:
        by_node.setdefault(entry.node_id, []).append(entry)
    block = list[LedgerEntry]()
    for entry in (entry for of_node in by_node.values() for entry in of_node):
        block.append(entry)
        if len(block) == MOST_ENTRIES:
            yield block
            block = []
    if block:
        yield block


def in_order(block: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """A block's entries as records show them: by time."""
    return sorted(block, key=lambda entry: entry.at)


def encode(block: Sequence[LedgerEntry], origins: Mapping[str, Origin], row_id: Callable[[Row], int]) -> bytes:
    """A block that `split` gave, all of one tree or of none. `row_id` gives the number a row is kept under."""
    tree_id, bits = block[0].tree_id, BitWriter()
    rows = list(dict.fromkeys(row_id(entry.row) for entry in block))
    bits.number(len(rows), 0)
    bits.column(rows)
    table = with_ancestors(list(dict.fromkeys(entry.node_id for entry in block)), origins)
    born = write_nodes(bits, tree_id, table, origins)
    place_of = {node: place for place, node in enumerate(table)}
    block = sorted(block, key=lambda entry: place_of[entry.node_id])
    nodes = [place_of[entry.node_id] for entry in block]
    bits.column([nodes.count(place) for place in range(len(table))] if len(table) > 1 else [len(nodes)])
    told = [_turn(entry) for entry in block]
    turns = [0 if turn is None else turn for turn in told]
    before = Before.of(nodes, born, turns)
    bits.column([turn - after(turns, last, 1) for turn, last in zip(turns, before.same_node, strict=True)])
    bits.bits(None in told, 1)
    if None in told:
        for entry in block:
            bits.text(entry.call_id)
    write_attempts(bits, [entry.attempt for entry in block], turns, before)
    write_times(bits, [round(entry.at * TENTHS) for entry in block], before)
    bits.column([rows.index(row_id(entry.row)) for entry in block])
    write_figures(bits, block, before)
    return _head(tree_id) + bits.bytes()


def decode(data: bytes, row_of: Callable[[int], Row]) -> list[LedgerEntry]:
    """The entries in the order they were written. Raises ValueError for what `encode` has not made."""
    tree_id, rest = _read_head(data)
    bits = BitReader(rest)
    of_block = [row_of(number) for number in bits.column(bits.number(0))]
    table, born = read_nodes(bits, tree_id)
    counts = bits.column(len(table))
    nodes = [place for place, count in enumerate(counts) for _ in range(count)]
    turns = list[int]()
    for place, residue in enumerate(bits.column(len(nodes))):
        follows = place > 0 and nodes[place - 1] == nodes[place]
        turns.append(residue + (turns[-1] + 1 if follows else 0))
    before = Before.of(nodes, born, turns)
    ids = [table[node] for node in nodes]
    calls = [bits.text() for _ in nodes] if bits.bits(1) else list(map(_call_id, ids, turns))
    attempts, times = read_attempts(bits, turns, before), read_times(bits, before)
    rows = [of_block[place] for place in bits.column(len(nodes))]
    tokens, gpu_s, amounts = read_figures(bits, before)
    return [
        LedgerEntry(
            at=times[place] / TENTHS,
            row=rows[place],
            tree_id=tree_id,
            node_id=ids[place],
            call_id=calls[place],
            attempt=attempts[place],
            tokens=tokens[place],
            amount=amounts[place],
            gpu_s=gpu_s[place],
        )
        for place in range(len(nodes))
    ]


def rows_of(data: bytes) -> list[int]:
    """The numbers of a block's rows, at a tenth of the cost of decoding it."""
    bits = BitReader(_read_head(data)[1])
    return bits.column(bits.number(0))


def head_of(tree_id: str) -> bytes:
    """What the blocks of this tree, and of no other, begin with."""
    return _head(tree_id)


# --- the tree --------------------------------------------------------------------------------------------------------


def _head(tree_id: str | None) -> bytes:
    if tree_id is None:
        return bytes([NO_TREE])
    number = number_of(tree_id)
    if number is not None:
        return bytes([OUR_ID]) + number.to_bytes(ID_BYTES)
    name = tree_id.encode("utf-8", "surrogatepass")
    return bytes([OTHER_ID]) + len(name).to_bytes(2) + name


def _read_head(data: bytes) -> tuple[str | None, bytes]:
    match data[0]:
        case 0:  # OUR_ID
            return id_of(int.from_bytes(data[1 : 1 + ID_BYTES])), data[1 + ID_BYTES :]
        case 1:  # OTHER_ID
            size = 3 + int.from_bytes(data[1:3])
            return data[3:size].decode("utf-8", "surrogatepass"), data[size:]
        case 2:  # NO_TREE
            return None, data[1:]
        case other:
            raise ValueError(f"a block of the ledger in format {other}, of a later version")


def _turn(entry: LedgerEntry) -> int | None:
    """The turn that the call's id follows from; None where it follows from none."""
    _, _, turn = entry.call_id.rpartition("-t")
    follows = entry.node_id is not None and turn.isdecimal() and turn.isascii()
    return int(turn) if follows and entry.call_id == _call_id(entry.node_id, int(turn)) else None


def _call_id(node_id: str | None, turn: int) -> str:
    return call_id(node_id or "", turn)
