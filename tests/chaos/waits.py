"""Waiting, always for something and never for ever."""

import asyncio
from collections.abc import Awaitable

from rao_runtime.standin.ledger import Ledger

STALL_S = 30.0


async def within(seconds: float, awaited: Awaitable[object]) -> bool:
    """Whether it comes within so many seconds; it is cancelled where it does not."""
    try:
        async with asyncio.timeout(seconds):
            await awaited
    except TimeoutError:
        return False
    return True


async def arrivals(ledger: Ledger, more: int) -> None:
    """Wait until so many more calls have reached the replica. Raises AssertionError where they do not come."""
    wanted = ledger.arrivals + more
    if not await within(STALL_S, ledger.until(lambda now: now.arrivals >= wanted)):
        raise AssertionError(f"work stands still: {wanted - ledger.arrivals} of {more} calls did not come")
