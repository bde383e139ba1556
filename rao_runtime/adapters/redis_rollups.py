"""The ledger's sums in Redis: a hash for each day and one for each month, a field for each row, named by its number."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import date, timedelta

import orjson

from rao_runtime.adapters import redis_ledger_scripts as scripts
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.adapters.redis_wire import Arg, Reply
from rao_runtime.core.ledger import Row
from rao_runtime.core.usage_report import Rollup, Sums

MILLION = 1_000_000
DAY = timedelta(days=1)
# A month of days at once: more replies than that in one go would keep the loop from everything else.
HASHES_AT_ONCE = 31


class Rows:
    """The rows' numbers. They are kept here too, until Redis has started anew and may have lost some."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._key = link.keys.ledger("rows")
        self._server = ""
        self._numbers = dict[Row, int]()
        self._rows = dict[bytes, Row]()

    async def numbered(self, rows: Sequence[Row], *, patient: bool = False) -> Mapping[Row, int]:
        """The numbers of these; new ones are entered."""
        self._check_server()
        unknown = [row for row in rows if row not in self._numbers]
        if unknown:
            texts = [text_of(row) for row in unknown]
            numbers = await self._link.run(scripts.NUMBER_ROWS, [self._key], texts, patient=patient)
            self._numbers |= dict(zip(unknown, numbers, strict=True))
        return {row: self._numbers[row] for row in rows}

    def forget(self) -> None:
        """What is known is wrong."""
        self._numbers.clear()
        self._rows.clear()

    async def by_number(self) -> Mapping[bytes, Row]:
        """All rows there are, by their numbers as hashes name them."""
        self._check_server()
        if await self._link.call("HLEN", self._key) != len(self._rows):
            held = await self._link.call("HGETALL", self._key)
            self._rows = {number: Row(*json.loads(text)) for text, number in _pairs(held)}
        return self._rows

    def numbered_so(self, number: int) -> Row:
        """The row of a number; `by_number` has to have been asked since it was given out."""
        return self._rows[b"%d" % number]

    def _check_server(self) -> None:
        if self._server != self._link.server:
            self._server = self._link.server
            self.forget()


async def rollups(
    link: RedisLink, rows: Rows, since: date, until: date, *, by_day: bool
) -> AsyncIterator[Sequence[Rollup]]:
    """Sums of the days from `since` up to before `until`; whole months in one unless `by_day`."""
    names = list(_hashes(since, until, by_day=by_day))
    for start in range(0, len(names), HASHES_AT_ONCE):
        some = names[start : start + HASHES_AT_ONCE]
        calls = [link.call("HGETALL", link.keys.ledger(name)) for _, name in some]
        replies = await asyncio.gather(*calls)
        # Read after the sums: a row is entered before anything is added to it.
        known = await rows.by_number()
        yield [rollup for (day, _), reply in zip(some, replies, strict=True) for rollup in _read(day, known, reply)]


def text_of(row: Row) -> str:
    """A row as Redis keeps it."""
    return json.dumps(row, separators=(",", ":"))


def counters_of(sums: Sums) -> list[Arg]:
    """What a row's counters are to grow by, in their order."""
    return [*sums[:-1], sums.amount // MILLION, sums.amount % MILLION]


def day_name(day: date) -> str:
    """The hash of a day."""
    return f"d:{day.isoformat()}"


def month_name(day: date) -> str:
    """The hash of a day's month."""
    return f"m:{day:%Y-%m}"


def _hashes(since: date, until: date, *, by_day: bool) -> Iterator[tuple[date, str]]:
    day = since
    while day < until:
        after = (day.replace(day=1) + 31 * DAY).replace(day=1)
        if day.day == 1 and after <= until and not by_day:
            yield day, month_name(day)
            day = after
        else:
            yield day, day_name(day)
            day += DAY


def _read(day: date, rows: Mapping[bytes, Row], reply: Reply) -> Iterator[Rollup]:
    """A hash's sums."""
    # All at once: number by number takes three times as long.
    text = b"[%s]" % b",".join(reply[1::2])
    try:
        lists = orjson.loads(text)
    except orjson.JSONDecodeError:
        # What a replica claims to have used may be more than 64 bits hold.
        lists = json.loads(text)
    for number, sums in zip(reply[::2], lists, strict=True):
        trees, attempts, given, cached, output, unpriced, micro, pico = sums
        yield day, rows[number], Sums(trees, attempts, given, cached, output, unpriced, micro * MILLION + pico)


def _pairs(reply: Reply) -> Iterator[tuple[bytes, bytes]]:
    return zip(reply[::2], reply[1::2], strict=True)
