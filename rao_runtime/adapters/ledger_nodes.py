"""The nodes of a block of the ledger. A node's id follows from where it was launched, and takes no room of its own."""

from collections.abc import Mapping, Sequence
from enum import IntEnum

from rao_runtime.adapters.ledger_bits import BitReader, BitWriter
from rao_runtime.core.ids import HEX, child_id, root_id
from rao_runtime.core.ledger import Origin

HEX_DIGITS = 20


class Kind(IntEnum):
    """How a node is written."""

    ROOT = 0
    CHILD = 1
    RAW = 2  # 20 hex digits that follow from nothing
    TEXT = 3
    NONE = 4  # calls that belong to no node


def with_ancestors(nodes: Sequence[str | None], origins: Mapping[str, Origin]) -> list[str | None]:
    """These nodes and all above them, parents first."""
    ordered = dict[str | None, None]()
    for node in nodes:
        line = [node]
        while (origin := origins.get(line[-1] or "")) is not None and origin.parent_id not in {None, *ordered, *line}:
            line.append(origin.parent_id)
        ordered.update(dict.fromkeys(reversed(line)))
    return list(ordered)


def write_nodes(
    bits: BitWriter, tree_id: str | None, nodes: Sequence[str | None], origins: Mapping[str, Origin]
) -> Mapping[int, tuple[int, int]]:
    """Write them, in this order. Returns by place, of each child that was written as one: its parent's place and its
    fork step."""
    places = {node: place for place, node in enumerate(nodes)}
    kinds = [_kind(node, tree_id, places, origins) for node in nodes]
    bits.number(len(nodes))
    bits.column(kinds)
    children = [node for node, kind in zip(nodes, kinds, strict=True) if kind is Kind.CHILD and node is not None]
    born = [(places[origins[node].parent_id], origins[node].fork_step) for node in children]
    bits.column([parent - before for (parent, _), (before, _) in zip(born, [(0, 0), *born], strict=False)])
    bits.column([fork_step for _, fork_step in born])
    launches = [origins[node].launch_index for node in children]
    bits.column([launch - next_ for launch, next_ in zip(launches, _expected(born, launches), strict=False)])
    for node, kind in zip(nodes, kinds, strict=True):
        if kind is Kind.RAW:
            bits.bits(int(node or "", 16), 4 * HEX_DIGITS)
        elif kind is Kind.TEXT:
            bits.text(node or "")
    return dict(zip((places[child] for child in children), born, strict=True))


def read_nodes(bits: BitReader, tree_id: str | None) -> tuple[Sequence[str | None], Mapping[int, tuple[int, int]]]:
    """The nodes in their order, and by place of each child its parent's place and its fork step. Raises ValueError."""
    kinds = bits.column(bits.number())
    count = kinds.count(Kind.CHILD)
    parents, at = list[int](), 0
    for step in bits.column(count):
        at += step
        parents.append(at)
    born = list(zip(parents, bits.column(count), strict=True))
    launches = list[int]()
    for (place, step), residue in zip(enumerate(born), bits.column(count), strict=True):
        follows = place > 0 and born[place - 1] == step
        launches.append(residue + (launches[-1] + 1 if follows else 0))
    nodes, children = list[str | None](), dict[int, tuple[int, int]]()
    line = iter(zip(born, launches, strict=True))
    for kind in kinds:
        if kind == Kind.CHILD:
            where, launch = next(line)
            children[len(nodes)] = where
            nodes.append(child_id(nodes[where[0]] or "", where[1], launch))
        else:
            nodes.append(_read_node(bits, Kind(kind), tree_id))
    return nodes, children


def _read_node(bits: BitReader, kind: Kind, tree_id: str | None) -> str | None:
    match kind:
        case Kind.ROOT:
            return root_id(tree_id or "")
        case Kind.RAW:
            return f"{bits.bits(4 * HEX_DIGITS):0{HEX_DIGITS}x}"
        case Kind.TEXT:
            return bits.text()
        case _:
            return None


def _kind(
    node: str | None, tree_id: str | None, places: Mapping[str | None, int], origins: Mapping[str, Origin]
) -> Kind:
    if node is None:
        return Kind.NONE
    if tree_id is not None and node == root_id(tree_id):
        return Kind.ROOT
    origin = origins.get(node)
    if origin is not None and origin.parent_id is not None and places.get(origin.parent_id, len(places)) < places[node]:
        made = child_id(origin.parent_id, origin.fork_step, origin.launch_index)
        if made == node:
            return Kind.CHILD
    return Kind.RAW if len(node) == HEX_DIGITS and set(node) <= HEX else Kind.TEXT


def _expected(born: Sequence[tuple[int, int]], launches: Sequence[int]) -> list[int]:
    """The launch index each would have if it followed on the one before, in the same cell."""
    after = [launch + 1 if follows else 0 for launch, follows in zip(launches, _same(born), strict=False)]
    return [0, *after]


def _same(born: Sequence[tuple[int, int]]) -> list[bool]:
    return [this == before for this, before in zip(born[1:], born, strict=False)]
