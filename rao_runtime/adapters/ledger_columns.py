"""The columns of a block of the ledger: each entry's numbers less what the entry before leads to expect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import not_

from rao_runtime.adapters.ledger_amounts import Quantities, read_amounts, write_amounts
from rao_runtime.adapters.ledger_bits import BitReader, BitWriter
from rao_runtime.core.ledger import LedgerEntry
from rao_runtime.core.usage import Tokens

TENTHS_BITS = 36
MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Before:
    """What the entries of a block follow on: each on the one before of its node, a node's first on its launch.

    Entries are told by their place in the block, None where there is none. `first` is the last node's first entry.
    """

    same_node: Sequence[int | None]
    launch: Sequence[int | None]
    first: Sequence[int | None]

    @classmethod
    def of(cls, nodes: Sequence[int], born: Mapping[int, tuple[int, int]], turns: Sequence[int]) -> "Before":
        """`nodes` gives each entry's node, `born` a node's parent and its turn, `turns` each entry's."""
        same, launch, first = list[int | None](), list[int | None](), list[int | None]()
        by_turn = dict[tuple[int, int], int]()
        last_first: int | None = None
        for place, node in enumerate(nodes):
            follows = place > 0 and nodes[place - 1] == node
            same.append(place - 1 if follows else None)
            launch.append(None if follows or node not in born else by_turn.get(born[node]))
            first.append(last_first)
            last_first = last_first if follows else place
            by_turn[node, turns[place]] = place
        return cls(same, launch, first)


def after(numbers: Sequence[int], last: int | None, more: int = 0) -> int:
    """The number at a place, and so much more; 0 where there is no such place."""
    return 0 if last is None else numbers[last] + more


def write_attempts(bits: BitWriter, attempts: Sequence[int], turns: Sequence[int], before: Before) -> None:
    """Write which try of its call each entry is."""
    _write(bits, before, [number - _tries_before(attempts, turns, before, at) for at, number in enumerate(attempts)])


def read_attempts(bits: BitReader, turns: Sequence[int], before: Before) -> list[int]:
    """What `write_attempts` wrote."""
    attempts = list[int]()
    for place, residue in enumerate(_read(bits, before)):
        attempts.append(residue + _tries_before(attempts, turns, before, place))
    return attempts


def _tries_before(attempts: Sequence[int], turns: Sequence[int], before: Before, place: int) -> int:
    last = before.same_node[place]
    return attempts[last] if last is not None and turns[last] == turns[place] else 0


def write_times(bits: BitWriter, times: Sequence[int], before: Before) -> None:
    """Write when each was settled, in tenths of a second since the epoch."""
    first = min(times)
    bits.bits(first, TENTHS_BITS)
    _write(bits, before, [time - _time_before(times, before, place, first) for place, time in enumerate(times)])


def read_times(bits: BitReader, before: Before) -> list[int]:
    """What `write_times` wrote."""
    first, times = bits.bits(TENTHS_BITS), list[int]()
    for place, residue in enumerate(_read(bits, before)):
        times.append(residue + _time_before(times, before, place, first))
    return times


def _time_before(times: Sequence[int], before: Before, place: int, first: int) -> int:
    last = before.same_node[place] if before.same_node[place] is not None else before.launch[place]
    return first if last is None else times[last]


def write_figures(bits: BitWriter, block: Sequence[LedgerEntry], before: Before) -> None:
    """Write tokens, GPU time and amounts."""
    inputs, outputs = [entry.tokens.input for entry in block], [entry.tokens.output for entry in block]
    cached = [entry.tokens.cached for entry in block]
    prompts = [_prompt_before(inputs, outputs, before, place) for place in range(len(block))]
    bits.column(outputs)
    _write(bits, before, [number - prompt for number, prompt in zip(inputs, prompts, strict=True)])
    bits.bits(any(cached), 1)
    if any(cached):
        held = [_cached_before(cached, prompts, before, place) for place in range(len(block))]
        _write(bits, before, [number - had for number, had in zip(cached, held, strict=True)])
    gpu = [0 if entry.gpu_s is None else 1 + round(entry.gpu_s * MICROSECONDS) for entry in block]
    bits.column(gpu)
    write_amounts(bits, [entry.amount for entry in block], list(map(_used, (entry.tokens for entry in block), gpu)))


def read_figures(bits: BitReader, before: Before) -> tuple[list[Tokens], list[float | None], list[int | None]]:
    """What `write_figures` wrote: tokens, GPU-seconds, amounts."""
    count = len(before.same_node)
    outputs, inputs, prompts = bits.column(count), list[int](), list[int]()
    for place, residue in enumerate(_read(bits, before)):
        prompts.append(_prompt_before(inputs, outputs, before, place))
        inputs.append(residue + prompts[-1])
    cached = list[int]()
    if bits.bits(1):
        for place, residue in enumerate(_read(bits, before)):
            cached.append(residue + _cached_before(cached, prompts, before, place))
    else:
        cached = [0] * count
    tokens = [Tokens(input=i, cached=c, output=o) for i, c, o in zip(inputs, cached, outputs, strict=True)]
    gpu = bits.column(count)
    amounts = read_amounts(bits, list(map(_used, tokens, gpu)))
    return tokens, [None if not each else (each - 1) / MICROSECONDS for each in gpu], amounts


def _prompt_before(inputs: Sequence[int], outputs: Sequence[int], before: Before, place: int) -> int:
    """A prompt has grown by what its node wrote; that of a new node is much like the last new one's."""
    last = before.same_node[place]
    return inputs[last] + outputs[last] if last is not None else after(inputs, before.first[place])


def _cached_before(cached: Sequence[int], prompts: Sequence[int], before: Before, place: int) -> int:
    """All that its node had sent and got; of a new node as much as of the last new one."""
    return prompts[place] if before.same_node[place] is not None else after(cached, before.first[place])


def _used(tokens: Tokens, gpu: int) -> Quantities:
    return tokens.input - tokens.cached, tokens.cached, tokens.output, max(0, gpu - 1)


def _write(bits: BitWriter, before: Before, residues: Sequence[int]) -> None:
    """First those of new nodes, which differ in other ways than the others."""
    new = [last is None for last in before.same_node]
    bits.column(list(compress(residues, new)))
    bits.column(list(compress(residues, map(not_, new))))


def _read(bits: BitReader, before: Before) -> list[int]:
    new = before.same_node.count(None)
    of_new, others = iter(bits.column(new)), iter(bits.column(len(before.same_node) - new))
    return [next(of_new if last is None else others) for last in before.same_node]
