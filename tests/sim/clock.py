"""The clock of a simulation: the loop's virtual time, counted from a fixed date."""

import asyncio

# Late enough that adding a short wait to it rounds, as it does on a real clock.
EPOCH = 1_795_255_200.0


class SimClock:
    """`ports.Clock` in virtual time."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return EPOCH + asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        timer = loop.call_later(seconds, _set, over)
        try:
            await over
        finally:
            timer.cancel()


def _set(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
