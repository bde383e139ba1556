"""Blocks of the ledger give back what was put in, and are small."""

import dataclasses
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.adapters.ledger_bits import BitReader, BitWriter
from rao_runtime.adapters.ledger_blocks import MOST_ENTRIES, decode, encode, head_of, split
from rao_runtime.core.ledger import LedgerEntry, Origin, Row, TreeBook
from tests.unit import ledger_books
from tests.unit.ledger_books import TREE_ID, book


class Rows:
    """Numbers for rows, as a store gives them."""

    def __init__(self) -> None:
        self.held = list[Row]()

    def number(self, row: Row) -> int:
        if row not in self.held:
            self.held.append(row)
        return self.held.index(row)

    def row(self, number: int) -> Row:
        return self.held[number]


def there_and_back(found: TreeBook) -> list[list[LedgerEntry]]:
    rows = Rows()
    blocks = split(found.entries, found.origins)
    return [decode(encode(block, found.origins, rows.number), rows.row) for block in blocks]


def by_node(entries: Sequence[LedgerEntry]) -> dict[str | None, list[LedgerEntry]]:
    found = dict[str | None, list[LedgerEntry]]()
    for entry in entries:
        found.setdefault(entry.node_id, []).append(entry)
    return found


@given(found=ledger_books.books())
def test_every_entry_comes_back_as_it_was_and_those_of_a_node_in_their_order(found: TreeBook) -> None:
    back = [entry for block in there_and_back(found) for entry in block]
    assert by_node(back) == by_node(found.entries)


@given(columns=st.lists(st.lists(st.integers(-(10**18), 10**18) | st.integers(0, 3)), max_size=4), text=st.text())
def test_columns_and_texts_come_back_as_they_were(columns: list[list[int]], text: str) -> None:
    writer = BitWriter()
    writer.text(text)
    for column in columns:
        writer.column(column)
    reader = BitReader(writer.bytes())
    assert reader.text() == text
    assert [reader.column(len(column)) for column in columns] == columns


def test_one_great_number_among_small_ones_does_not_make_the_others_great() -> None:
    writer = BitWriter()
    writer.column([0, 1] * 50 + [10**15])
    assert len(writer.bytes()) < 60


def test_a_large_tree_is_several_blocks_that_can_be_read_alone() -> None:
    large = book(parents=[place // 3 for place in range(600)])
    blocks = there_and_back(large)
    assert [len(block) for block in blocks] == [MOST_ENTRIES, MOST_ENTRIES, 202]
    assert [entry for block in blocks for entry in block] == list(large.entries)


@pytest.mark.parametrize(("nodes", "most"), [(1, 65), (5, 90), (27, 240)])
def test_a_block_takes_a_few_bytes_an_attempt(nodes: int, most: int) -> None:
    found, rows = book(parents=[0] * (nodes - 1)), Rows()
    [block] = split(found.entries, found.origins)
    assert len(encode(block, found.origins, rows.number)) <= most


def test_nodes_that_were_launched_take_no_ten_bytes_each() -> None:
    found, rows = book(parents=[0] * 26), Rows()
    [block] = split(found.entries, found.origins)
    derived, raw = (len(encode(block, origins, rows.number)) for origins in (found.origins, dict[str, Origin]()))
    assert raw - derived >= 26 * 9


def test_a_price_that_explains_all_amounts_is_written_in_their_place() -> None:
    found, rows = book(parents=[0] * 26), Rows()
    [block] = split(found.entries, found.origins)
    odd = [dataclasses.replace(entry, amount=(entry.amount or 0) + place % 2) for place, entry in enumerate(block)]
    explained, not_explained = (len(encode(each, found.origins, rows.number)) for each in (block, odd))
    assert not_explained - explained > 2 * len(block)
    assert decode(encode(odd, found.origins, rows.number), rows.row) == odd


def test_a_tree_is_told_by_what_its_blocks_begin_with() -> None:
    found, rows = book(), Rows()
    [block] = split(found.entries, found.origins)
    assert encode(block, found.origins, rows.number).startswith(head_of(TREE_ID))
    assert not encode(block, found.origins, rows.number).startswith(head_of(TREE_ID[:-1] + "0"))


def test_a_block_of_a_later_version_is_refused() -> None:
    with pytest.raises(ValueError, match="later version"):
        decode(b"\x09abc", Rows().row)
